import { digits } from '../rig/figures.ts'

/** One figure and what it is to be. */
export interface Verdict {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly target: number
  /** Whether it may be less (`at-most`), or more. */
  readonly bound: 'at-most' | 'at-least'
}

export function isMet({ value, target, bound }: Verdict): boolean {
  return bound === 'at-most' ? value <= target : value >= target
}

export function atMost(what: string, value: number, target: number, unit: string): Verdict {
  return { what, value, unit, target, bound: 'at-most' }
}

export function atLeast(what: string, value: number, target: number, unit: string): Verdict {
  return { what, value, unit, target, bound: 'at-least' }
}

/** What it is, figure, target, whether it is met. */
export function verdictRow(verdict: Verdict): string[] {
  const { what, value, unit, target, bound } = verdict
  const shown = value === 0 ? '0' : digits(value)
  const sign = bound === 'at-most' ? '<=' : '>='
  return [what, `${shown} ${unit}`, `${sign} ${target} ${unit}`, isMet(verdict) ? 'yes' : 'NO']
}
