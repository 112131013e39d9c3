import { unreachable } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { becomeFollower, type Core, hearsLeader, send } from './core.ts'
import { answerVote, receiveVote } from './election.ts'
import { followLeader, receiveAppend, receiveHeartbeat, receiveTimeoutNow } from './follower.ts'
import { receiveAppendReply, receiveHeartbeatReply } from './leader.ts'
import type { Message } from './types.ts'

/**
 * One message, which may be late, doubled, out of order or of an earlier life of its sender. First
 * the terms are compared (design rule 3, as etcd does it), then the message takes effect.
 */
export function receive(core: Core, message: Message): void {
  if (message.to !== core.self || message.from === core.self) return
  if (message.term > core.term && !adopt(core, message)) return
  // A pre-vote and its grant speak of a term that nobody has.
  if (message.term < core.term) answerStale(core, message)
  else take(core, message)
}

/** Returns false if the message must leave no trace. */
function adopt(core: Core, message: Message): boolean {
  switch (message.type) {
    case 'vote':
    case 'pre-vote':
      if (!message.transfer && hearsLeader(core)) {
        sometimes('raft: protects a live leader from a candidate')
        return false
      }
      if (message.type === 'vote') becomeFollower(core, message.term, 0)
      return true
    case 'append':
    case 'heartbeat':
      becomeFollower(core, message.term, message.from)
      return true
    case 'pre-vote-reply':
      if (message.rejected) {
        sometimes('raft: a pre-candidate learns of a later term')
        becomeFollower(core, message.term, 0)
      }
      return true
    default:
      becomeFollower(core, message.term, 0)
      return true
  }
}

/**
 * A leader or pre-candidate that was left behind learns our term: it could otherwise never rejoin,
 * because those who hear a leader ignore it (etcd#8501).
 */
function answerStale(core: Core, message: Message): void {
  const envelope = { from: core.self, to: message.from, term: core.term }
  if (message.type === 'append' || message.type === 'heartbeat') {
    sometimes('raft: tells a leader of old the term')
    const nothing = { rejected: true, index: 0, hintIndex: 0, hintTerm: 0 }
    send(core, { type: 'append-reply', ...envelope, ...nothing })
  } else if (message.type === 'pre-vote') {
    sometimes('raft: tells a pre-candidate of old the term')
    send(core, { type: 'pre-vote-reply', ...envelope, rejected: true })
  }
}

function take(core: Core, message: Message): void {
  switch (message.type) {
    case 'vote':
    case 'pre-vote':
      answerVote(core, message)
      return
    case 'vote-reply':
    case 'pre-vote-reply':
      receiveVote(core, message)
      return
    case 'append':
      if (core.role === 'leader') return
      followLeader(core, message.from)
      receiveAppend(core, message)
      return
    case 'heartbeat':
      if (core.role === 'leader') return
      followLeader(core, message.from)
      receiveHeartbeat(core, message)
      return
    case 'append-reply':
      if (core.role === 'leader') receiveAppendReply(core, message)
      return
    case 'heartbeat-reply':
      if (core.role === 'leader') receiveHeartbeatReply(core, message.from)
      return
    case 'timeout-now':
      receiveTimeoutNow(core)
      return
    default:
      unreachable(message)
  }
}
