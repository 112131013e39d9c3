import type { Logger, LogLevel } from '../../../src/world/log.ts'

export interface Line {
  readonly level: LogLevel
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A logger that keeps what it is told. */
export class HeardLog implements Logger {
  readonly lines: Line[] = []
  readonly #debug: boolean

  constructor(debug = false) {
    this.#debug = debug
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level, event, fields })
  }

  isEnabled(level: LogLevel): boolean {
    return this.#debug || !['trace', 'debug'].includes(level)
  }

  get events(): string[] {
    return this.lines.map(({ event }) => event)
  }

  /** The fields of all lines of `event`. */
  of(event: string): Readonly<Record<string, unknown>>[] {
    return this.lines.filter((line) => line.event === event).map(({ fields }) => fields)
  }
}

/** A clock that stands where it is set. */
export class HandClock {
  at = 0

  monotonic(): number {
    return this.at
  }

  wall(): number {
    return 1_700_000_000_000 + Math.floor(this.at)
  }
}
