/** Of several measurements of one thing. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: at(sorted, 0.5), min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}

/** Of sorted values; 0 of none at all. The median of two is the mean of both. */
export function at(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return 0
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? 0
  const above = sorted[Math.ceil(place)] ?? 0
  return below + (above - below) * (place - Math.floor(place))
}

/** `12,345`; whatever the language of the machine. */
export function whole(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Three digits, so that small and large ones can be compared: `0.123`, `12.3`, `1,234`. */
export function digits(value: number): string {
  if (value >= 100) return whole(value)
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3)
}

/** For the file: more digits would claim what was not measured. */
export function rounded(value: number): number {
  return Number(value.toPrecision(5))
}
