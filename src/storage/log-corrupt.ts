/** The log at hand cannot be trusted or read. The process must not start on it. */
export class LogCorrupt extends Error {
  override readonly name = 'LogCorrupt'
}

const LOST =
  'Data this node promised to keep is lost, so it will not start. ' +
  'Remove the node from the cluster, and start it again with an empty data directory: ' +
  'it rejoins as a new node and copies its data from the others.'

/** What an operator reads when `what` was found in `file` at byte `offset`. */
export function damaged(file: string, offset: number, what: string): LogCorrupt {
  return new LogCorrupt(`log segment ${file} is damaged at byte ${offset}: ${what}. ${LOST}`)
}

/** The log is whole as far as it goes, and once went further. */
export function cutShort(last: number, durable: number): LogCorrupt {
  return new LogCorrupt(
    `the log ends at record ${last}, and record ${durable} had been durable: a part of it was ` +
      `lost, or put back from an older copy. ${LOST}`
  )
}

export function newer(file: string, version: number): LogCorrupt {
  return new LogCorrupt(
    `log segment ${file} has format version ${version}, written by a newer version of KeyMesh. ` +
      'Start the version that wrote it, or a newer one.'
  )
}
