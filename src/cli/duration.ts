const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * Milliseconds of a text such as `500ms`, `10s` or `2h`; undefined if it is none. A number without
 * a unit is none: to some it means seconds, to others ms.
 */
export function durationMs(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? []
  if (digits === undefined) return undefined
  const ms = Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
  return Number.isSafeInteger(ms) ? ms : undefined
}
