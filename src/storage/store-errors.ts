/** Another process has this store open. */
export class StoreLocked extends Error {
  override readonly name = 'StoreLocked'
}

/** The store was written by a newer version of KeyMesh, in a format this one does not know. */
export class StoreNewer extends Error {
  override readonly name = 'StoreNewer'
}

/** What an operator does about damage that a node cannot mend by itself. */
export const REPLACE_NODE =
  'This node will not go on with it. Remove it from the cluster and start it with an empty data ' +
  'directory: it rejoins as a new node and copies its data from the others.'
