import { BATCH_SIZES, Histogram } from '../world/histogram.ts'

/** What happened at the replicas of a node since it started; for whoever watches. */
export class HostCounts {
  /** Votes a replica here gave itself: each is an election it called. */
  elections = 0
  /** Times a replica here began to lead, or led no longer. */
  leadershipsWon = 0
  leadershipsLost = 0
  /** Entries that leaders here proposed, by the commands each carried. */
  readonly entryCommands = new Histogram(BATCH_SIZES)
  entriesApplied = 0
  /** From handing records to the log to their being durable, in ms. */
  readonly persist = new Histogram()
}
