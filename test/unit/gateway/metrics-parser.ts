/** One line of a scrape. */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ParsedFamily {
  readonly type: string
  readonly help: string
  readonly samples: ParsedSample[]
}

export type Scrape = ReadonlyMap<string, ParsedFamily>

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const PAIR = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/

/**
 * The text format of Prometheus, 0.0.4, taken at its word: throws at anything the page on
 * exposition formats does not allow, and at histograms that do not add up.
 */
export function parseMetrics(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, ParsedFamily>()
  let help: readonly [name: string, text: string] | undefined
  let current: [name: string, family: ParsedFamily] | undefined
  const seen = new Set<string>()
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      if (families.has(name) || !NAME.test(name)) throw new Error(`twice or no name: ${line}`)
      help = [name, rest]
    } else if (kind === 'TYPE') {
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(line)
      if (families.has(name) || help?.[0] !== name) throw new Error(`out of place: ${line}`)
      current = [name, { type: rest, help: help[1], samples: [] }]
      families.set(...current)
    } else {
      const sample = sampleOf(line)
      if (current === undefined) throw new Error(`before any type: ${line}`)
      if (!belongs(sample.name, current[0], current[1].type)) throw new Error(`astray: ${line}`)
      const identity = line.slice(0, line.lastIndexOf(' '))
      if (seen.has(identity)) throw new Error(`twice: ${line}`)
      seen.add(identity)
      current[1].samples.push(sample)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkSums(name, family)
  return families
}

/** The sum of the samples of `name` whose labels include `labels`. */
export function total(
  scrape: Scrape,
  name: string,
  labels: Readonly<Record<string, string>> = {}
): number {
  const family = scrape.get(name.replace(/_(bucket|sum|count)$/, '')) ?? scrape.get(name)
  if (family === undefined) throw new Error(`no family for ${name}`)
  let sum = 0
  for (const sample of family.samples) {
    const fits = Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    if (sample.name === name && fits) sum += sample.value
  }
  return sum
}

function sampleOf(line: string): ParsedSample {
  const [, name, pairs = '', value = ''] = SAMPLE.exec(line) ?? []
  if (name === undefined) throw new Error(`not a sample: ${line}`)
  const labels: Record<string, string> = {}
  for (let rest = pairs; rest !== ''; ) {
    const [whole, label, escaped, end] = PAIR.exec(rest) ?? []
    if (whole === undefined || label === undefined || label in labels) throw new Error(line)
    labels[label] = (escaped ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
    rest = rest.slice(whole.length)
    if (end === ',' && rest === '') throw new Error(`a comma too many: ${line}`)
  }
  return { name, labels, value: numberOf(value) }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  // Prometheus reads it in any case, and prom-client writes Nan.
  if (/^nan$/i.test(text)) return Number.NaN
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) throw new Error(`no number: ${text}`)
  return Number(text)
}

function belongs(sample: string, name: string, type: string): boolean {
  if (type === 'histogram')
    return [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample)
  return sample === name || (type === 'summary' && sample.startsWith(name))
}

/** Buckets rise, the last is that of infinity, and counts what `_count` says. */
function checkSums(name: string, { samples }: ParsedFamily): void {
  const series = new Map<string, { le: number; below: number; count: number }>()
  for (const { name: part, labels, value } of samples) {
    const { le, ...others } = labels
    const key = JSON.stringify(Object.entries(others).sort())
    const so = series.get(key) ?? { le: Number.NEGATIVE_INFINITY, below: 0, count: -1 }
    series.set(key, so)
    if (part === `${name}_count`) so.count = value
    if (part !== `${name}_bucket`) continue
    const bound = numberOf(le ?? '')
    if (bound <= so.le || value < so.below) throw new Error(`${name}: bucket ${le} out of order`)
    so.le = bound
    so.below = value
  }
  for (const { le, below, count } of series.values()) {
    if (le !== Number.POSITIVE_INFINITY || below !== count) {
      throw new Error(`${name}: the buckets do not add up to ${count}`)
    }
  }
}
