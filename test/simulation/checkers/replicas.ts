/** What one replica holds after everything ended. */
export interface ReplicaState {
  readonly node: string
  readonly group: number
  readonly applied: number
  /** Of all keys, sessions and results: equal exactly when the state is. */
  readonly digest: string
}

/** Whether all replicas of each group came to the same state. Returns what is wrong, or nothing. */
export function checkReplicas(
  replicas: readonly ReplicaState[],
  replicasPerGroup: number
): string[] {
  const groups = new Map<number, ReplicaState[]>()
  for (const replica of replicas) {
    const group = groups.get(replica.group)
    if (group === undefined) groups.set(replica.group, [replica])
    else group.push(replica)
  }
  const wrong: string[] = []
  for (const [group, members] of groups) {
    if (members.length !== replicasPerGroup) {
      wrong.push(`group ${group} has ${members.length} replicas of ${replicasPerGroup}`)
    }
    const [first, ...others] = members
    for (const other of others) if (first !== undefined) wrong.push(...differences(first, other))
  }
  return wrong
}

function differences(one: ReplicaState, other: ReplicaState): string[] {
  const names = `${one.node} and ${other.node} in group ${one.group}`
  if (one.applied !== other.applied) {
    return [`${names} have applied ${one.applied} and ${other.applied}`]
  }
  return one.digest === other.digest ? [] : [`${names} differ at index ${one.applied}`]
}
