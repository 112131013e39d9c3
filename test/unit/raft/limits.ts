/** Of every Raft in these tests, unless it asks for others: golden traces hang on them. */
export const LIMITS = {
  electionTicks: 10,
  heartbeatTicks: 2,
  appendBytesMax: 256 * 1024,
  inflightAppendsMax: 64,
  inflightBytesMax: 4 * 1024 * 1024,
  uncommittedBytesMax: 16 * 1024 * 1024,
  tailBytesMax: 4 * 1024 * 1024,
  preferred: false
}
