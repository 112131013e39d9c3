import type { GroupId } from '../wire/ids.ts'
import { BATCH_SIZES, Histogram } from '../world/histogram.ts'
import { Spans } from '../world/spans.ts'

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
  /** The last of these. */
  readonly persists = new Spans()
  /** When each group that is led here was taken over. */
  readonly ledSince = new Map<GroupId, number>()

  persisted(began: number, now: number): void {
    this.persist.observe(now - began)
    this.persists.remember(began, now)
  }

  leadershipChanged(group: GroupId, leads: boolean, now: number): void {
    // A new term of our own ends the one before.
    if (this.ledSince.delete(group)) this.leadershipsLost++
    if (!leads) return
    this.leadershipsWon++
    this.ledSince.set(group, now)
  }
}
