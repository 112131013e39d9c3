import type { Histogram } from './histogram.ts'

/** One value of a metric, with the values of its labels in their order. */
export interface Sample {
  readonly labels: readonly string[]
  readonly value: number | Histogram
}

/** A figure that is read when somebody asks: docs/metrics.md lists all of them. */
export interface Metric<S> {
  /** As Prometheus wants it: snake_case, the unit last, `_total` for counters. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** One sentence. */
  readonly help: string
  /** Names of the labels; the values of each must come from a small set. */
  readonly labels: readonly string[]
  /** A histogram kept in ms is told in seconds: it is divided by this. */
  readonly per: number
  readonly read: (source: S) => readonly Sample[]
}

const MS_PER_SECOND = 1_000

/** A figure that goes up and down. `read` gives undefined while it is not known. */
export function gauge<S>(
  name: string,
  help: string,
  read: (source: S) => number | undefined
): Metric<S> {
  return { name, help, type: 'gauge', labels: [], per: 1, read: single(read) }
}

/** A figure that only grows, from the start of the process. */
export function counter<S>(name: string, help: string, read: (source: S) => number): Metric<S> {
  return { name, help, type: 'counter', labels: [], per: 1, read: single(read) }
}

export function histogram<S>(
  name: string,
  help: string,
  read: (source: S) => Histogram
): Metric<S> {
  return { name, help, type: 'histogram', labels: [], per: 1, read: single(read) }
}

/** A histogram that is kept in ms. */
export function timing<S>(name: string, help: string, read: (source: S) => Histogram): Metric<S> {
  return { ...histogram(name, help, read), per: MS_PER_SECOND }
}

/**
 * A figure with labels: `read` gives a sample for each combination of their values. `timing`: a
 * histogram that is kept in ms.
 */
export function labelled<S>(
  type: Metric<S>['type'] | 'timing',
  what: Pick<Metric<S>, 'name' | 'help' | 'labels'>,
  read: (source: S) => readonly Sample[]
): Metric<S> {
  if (type === 'timing') return { ...what, type: 'histogram', per: MS_PER_SECOND, read }
  return { ...what, type, per: 1, read }
}

function single<S>(
  read: (source: S) => number | Histogram | undefined
): (source: S) => readonly Sample[] {
  return (source) => {
    const value = read(source)
    return value === undefined ? [] : [{ labels: [], value }]
  }
}
