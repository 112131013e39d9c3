import { SingleBar } from 'cli-progress'

/** A bar that shows how far `what` is, and goes when it is stopped; nothing without a terminal. */
export function progress(what: string, total: number): SingleBar {
  const bar = new SingleBar({
    format: `  ${what} {bar} {value}/{total}  {eta} s to go`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    hideCursor: true
  })
  bar.start(total, 0)
  return bar
}

/** A whole number for people: 12,345. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}
