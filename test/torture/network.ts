/** The party of those who call, beside nodes 0, 1, … */
export const CALLERS = -1

/** Where a node is. */
export interface Place {
  /** Multiaddress it listens on, and the one it tells others. */
  readonly listen: string
  readonly announce: string
  /** HOST:PORT of its HTTP API. */
  readonly http: string
  /** The command that starts it there. */
  readonly launcher: readonly string[]
}

/** What lies between nodes, and between them and their callers. */
export interface Network {
  readonly kind: 'namespaces' | 'proxies'
  /** Whether cuts keep callers from nodes, too. */
  readonly cutsCallers: boolean
  place(node: number): Place
  /** From now on nothing that `from` sends gets to `to`; the other way is another cut. */
  cut(from: number, to: number): void
  /** Ends all cuts. */
  mend(): void
  /** Breaks every connection between nodes, in mid-message; false: this network cannot. */
  reset(): boolean
  close(): void
}
