/** Another process has this store open. */
export class StoreLocked extends Error {
  override readonly name = 'StoreLocked'
}

/** The store was written by a newer version of KeyMesh, in a format this one does not know. */
export class StoreNewer extends Error {
  override readonly name = 'StoreNewer'
}
