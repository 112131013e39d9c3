import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { whole } from '../rig/figures.ts'
import { LOADS } from './job.ts'
import { type Figures, type Percentiles, type Results, sum } from './results.ts'
import { apiName } from './table.ts'

// One picture for light and dark pages alike: nothing behind it, and colours that stand out as well
// from white as from #0d1117 (a contrast of 4.0 or more with both).

const INK = '#717984'
const GRID = '#71798440'
const COLOURS = { client: '#1a7f8e', http: '#3f7fd9', etcd: '#b8691a' }
const LOAD_NAMES = {
  put: 'put',
  get: 'strong get',
  eventual: 'eventual get',
  mix: '80 % get',
  lock: 'lock and unlock',
  handover: 'hand-over',
  txn: '2 puts',
  tagged: '2 puts, 1 partition',
  rmw: '2 reads, 2 puts'
}
const PERCENTILES: readonly (readonly [keyof Percentiles, string])[] = [
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['p999', 'p99.9']
]
const WIDTH = 150
const FONT = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif'

/** Throughput and latency of one number in flight for each API, as SVG. */
export async function plot(results: Results): Promise<string> {
  const shown = results.figures.filter((one) => one.refused === null && isShown(one, results))
  const spec = compile(specOf(shown, results)).spec
  return await new View(parse(spec), { renderer: 'none' }).toSVG()
}

/** The middle one of the numbers measured, so that each API has one bar a load. */
function isShown({ api, inFlight }: Figures, { figures }: Results): boolean {
  const same = figures.filter((one) => one.api === api).map((one) => one.inFlight)
  const numbers = [...new Set(same)].sort((a, b) => a - b)
  return inFlight === numbers[Math.floor((numbers.length - 1) / 2)]
}

function specOf(shown: readonly Figures[], results: Results): TopLevelSpec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: titleOf(results),
    data: { values: shown.flatMap(rows) },
    vconcat: [throughput(shown), latency(shown)],
    resolve: { scale: { color: 'independent', shape: 'independent' } },
    spacing: 8,
    background: 'transparent',
    padding: 12,
    config: {
      font: FONT,
      view: { stroke: null },
      axis: axisStyle(),
      header: { labelColor: INK, titleColor: INK, labelFontSize: 13, labelFontWeight: 600 },
      legend: { labelColor: INK, titleColor: INK, labelFontSize: 13, symbolSize: 140 }
    }
  }
}

function titleOf({ settings, machine, commit, at }: Results) {
  const { nodes, keys, valueBytes } = settings
  // Short lines: without a font at hand widths are guessed, and the picture is as wide as the
  // guess.
  const subtitle = [
    `${nodes} nodes on one machine with ${machine.cores} cores; each write synced by a majority`,
    `${whole(keys)} keys, ${valueBytes}-byte values; commit ${commit}, ${at.slice(0, 10)}`
  ]
  const style = { color: INK, subtitleColor: INK, fontSize: 16, subtitleFontSize: 12 }
  const text = 'Operations a second and latency'
  return { text, subtitle, ...style, anchor: 'start' as const, offset: 16, subtitlePadding: 6 }
}

function axisStyle() {
  const colours = { labelColor: INK, titleColor: INK, gridColor: GRID, domainColor: INK }
  return { ...colours, tickColor: INK, labelFontSize: 12, titleFontSize: 12, ticks: false }
}

/** A row for each percentile; bars use those of the first. */
function rows(one: Figures) {
  return PERCENTILES.map(([field, percentile]) => ({
    who: `${apiName(one.api)} ×${one.inFlight}`,
    load: LOAD_NAMES[one.load],
    perSecond: one.perSecond.median,
    min: one.perSecond.min,
    max: one.perSecond.max,
    label: whole(one.perSecond.median),
    percentile,
    ms: one.ms[field],
    failed: sum(one.failed.map(({ count }) => count))
  }))
}

function whoScale(shown: readonly Figures[]) {
  const domain: string[] = []
  const range: string[] = []
  for (const { api, inFlight } of shown) {
    const who = `${apiName(api)} ×${inFlight}`
    if (domain.includes(who)) continue
    domain.push(who)
    range.push(COLOURS[api])
  }
  return { domain, range }
}

const COLUMN = {
  field: 'load',
  type: 'nominal' as const,
  sort: LOADS.map((load) => LOAD_NAMES[load]),
  header: { title: null, orient: 'top' as const }
}

function throughput(shown: readonly Figures[]) {
  const scale = whoScale(shown)
  const x = { field: 'who', type: 'nominal' as const, sort: scale.domain, axis: null }
  const y = { field: 'perSecond', type: 'quantitative' as const, title: 'operations a second' }
  const color = {
    field: 'who',
    type: 'nominal' as const,
    scale,
    legend: { title: null, orient: 'top' as const, symbolType: 'square' as const }
  }
  return {
    transform: [{ filter: "datum.percentile === 'p50'" }],
    facet: { column: COLUMN },
    spec: {
      width: WIDTH,
      height: 190,
      layer: [
        {
          mark: { type: 'bar' as const, cornerRadiusEnd: 3, width: { band: 0.8 } },
          encoding: { x, y, color }
        },
        {
          mark: { type: 'rule' as const, color: INK, strokeWidth: 1.5 },
          encoding: { x, y: { ...y, field: 'min' }, y2: { field: 'max' } }
        },
        {
          mark: { type: 'text' as const, dy: -9, fontSize: 11, color: INK },
          encoding: { x, y: { ...y, field: 'max' }, text: { field: 'label' } }
        }
      ]
    }
  }
}

/** Where lines are drawn: at 1, 10, 100. */
function decades(shown: readonly Figures[]): number[] {
  const most = Math.max(1, ...shown.map(({ ms }) => ms.p999))
  return Array.from({ length: 3 + Math.ceil(Math.log10(most)) }, (_, i) => 10 ** (i - 2))
}

function latency(shown: readonly Figures[]) {
  const scale = whoScale(shown)
  const names = PERCENTILES.map(([, name]) => name)
  const x = { field: 'percentile', sort: names, title: null, axis: { labelAngle: 0 } }
  const who = { field: 'who', type: 'nominal' as const }
  return {
    facet: { column: { ...COLUMN, header: { title: null, labels: false } } },
    spec: {
      width: WIDTH,
      height: 190,
      mark: { type: 'line' as const, point: { size: 60, filled: true }, strokeWidth: 2 },
      encoding: {
        x: { ...x, type: 'ordinal' as const },
        y: {
          field: 'ms',
          type: 'quantitative' as const,
          title: 'milliseconds (logarithmic)',
          scale: { type: 'log' as const, nice: true },
          axis: { format: '~r', values: decades(shown) }
        },
        color: { ...who, scale, legend: null },
        shape: { ...who, scale: { domain: scale.domain }, legend: null }
      }
    }
  }
}
