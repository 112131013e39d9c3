import type { Histogram } from '../world/histogram.ts'
import type { Metric } from '../world/metric.ts'

/** The media type of what `metricsText` writes. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * `metrics` of `source` in the text format of Prometheus, each family once, with a newline last.
 */
export function metricsText<S>(metrics: readonly Metric<S>[], source: S): string {
  let text = ''
  for (const metric of metrics) {
    const { name, help, type, labels, per } = metric
    text += `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`
    for (const sample of metric.read(source)) {
      const pairs = labels.map((label, i) => `${label}="${escaped(sample.labels[i] ?? '')}"`)
      text +=
        typeof sample.value === 'number'
          ? line(name, pairs, sample.value)
          : histogramLines(name, pairs, sample.value, per)
    }
  }
  return text
}

function histogramLines(
  name: string,
  pairs: readonly string[],
  { bounds, counts, sum }: Histogram,
  per: number
): string {
  let text = ''
  let below = 0
  for (const [i, count] of counts.entries()) {
    below += count
    const bound = bounds[i]
    const le = bound === undefined ? '+Inf' : String(bound / per)
    text += line(`${name}_bucket`, [...pairs, `le="${le}"`], below)
  }
  return text + line(`${name}_sum`, pairs, sum / per) + line(`${name}_count`, pairs, below)
}

function line(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${told(value)}\n`
}

function told(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function escapedHelp(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
}
