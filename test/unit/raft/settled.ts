import type { Message } from '../../../src/raft/types.ts'
import { Solo, voters } from './solo.ts'

export const three = voters(3)
export const bytes = (length: number): Uint8Array => new Uint8Array(length)
export const appends = (messages: readonly Message[]): Extract<Message, { type: 'append' }>[] =>
  messages.filter((message) => message.type === 'append')

/** A leader of three whose followers have everything, and nothing left to send. */
export function settled(setup: Partial<ConstructorParameters<typeof Solo>[0]> = {}): Solo {
  const solo = new Solo({ members: three, ...setup })
  solo.lead()
  const { lastIndex, configuration } = solo.raft.status
  for (const { replica } of configuration.members) {
    if (replica !== 1) solo.acknowledge(replica, lastIndex)
  }
  solo.taken()
  solo.tick(1)
  solo.taken()
  return solo
}
