/** Of what many seeds drew: how many drew which value, by the name of what was drawn. */
export type Spread = Readonly<Record<string, Readonly<Record<string, number>>>>

/** How often each value stands in `drawn`. */
export function spreadOf(drawn: Iterable<Readonly<Record<string, string>>>): Spread {
  const spread: Record<string, Record<string, number>> = {}
  for (const facts of drawn) {
    for (const [name, value] of Object.entries(facts)) count(spread, name, value, 1)
  }
  return spread
}

/** What two spreads are together. */
export function bothSpreads(one: Spread, other: Spread): Spread {
  const both: Record<string, Record<string, number>> = {}
  for (const spread of [one, other]) {
    for (const [name, values] of Object.entries(spread)) {
      for (const [value, seeds] of Object.entries(values)) count(both, name, value, seeds)
    }
  }
  return both
}

/** A line for each name; values in the order of their numbers. */
export function spreadLines(spread: Spread): string[] {
  return Object.entries(spread).map(([name, values]) => {
    const sorted = Object.entries(values).sort(([a], [b]) => before(a, b))
    return `${name}: ${sorted.map(([value, seeds]) => `${value} in ${seeds}`).join(', ')}`
  })
}

function count(
  spread: Record<string, Record<string, number>>,
  name: string,
  value: string,
  seeds: number
): void {
  const values = spread[name] ?? {}
  values[value] = (values[value] ?? 0) + seeds
  spread[name] = values
}

function before(a: string, b: string): number {
  const [first, second] = [Number.parseInt(a, 10), Number.parseInt(b, 10)]
  if (first !== second && first >= 0 && second >= 0) return first - second
  return a < b ? -1 : a > b ? 1 : 0
}
