import type { ReplicaId } from '../wire/ids.ts'
import { sometimes } from '../world/sometimes.ts'
import { becomeFollower, type Core, changeRole, mayCampaign, send } from './core.ts'
import { becomeLeader } from './leader.ts'
import { voteOutcome } from './quorum.ts'
import type { HardState, Message } from './types.ts'

type VoteRequest = Extract<Message, { type: 'vote' | 'pre-vote' }>
type VoteReply = Extract<Message, { type: 'vote-reply' | 'pre-vote-reply' }>

/** A tick of anyone who does not lead. */
export function tickElection(core: Core): void {
  core.electionElapsed++
  if (core.electionElapsed >= core.electionTimeout) campaign(core)
}

/**
 * Asks for pre-votes (Ongaro's thesis 9.6): whoever cannot win does not disturb the others with a
 * new term. Changes neither term nor vote, but forgets the leader and earlier answers
 * (raft-rs#83).
 */
export function campaign(core: Core): void {
  if (core.role === 'leader' || !mayCampaign(core)) return
  changeRole(core, 'pre-candidate', core.term)
  core.votes.set(core.self, true)
  askForVotes(core, 'pre-vote', false)
  settle(core)
}

/** `transfer`: the leader asked for it, so voters do not protect it, and no pre-vote is needed. */
export function startElection(core: Core, transfer: boolean): void {
  if (!mayCampaign(core)) return
  changeRole(core, 'candidate', core.term + 1)
  core.vote = core.self
  // Our own vote counts once it is durable: `selfVotePersisted`.
  askForVotes(core, 'vote', transfer)
}

/** Counts our own vote now that a crash cannot take it back (nebula#3415). */
export function selfVotePersisted(core: Core, hardState: HardState): void {
  if (core.role !== 'candidate') return
  if (hardState.term !== core.term || hardState.vote !== core.self) {
    sometimes('raft: keeps a vote for a campaign that is over')
    return
  }
  core.votes.set(core.self, true)
  settle(core)
}

/**
 * Any role, learners too (pitfalls R12). A grant echoes the term asked for; a rejection carries
 * ours, which a pre-candidate left behind adopts. Only a vote resets our own timeout.
 */
export function answerVote(core: Core, request: VoteRequest): void {
  const preVote = request.type === 'pre-vote'
  const free =
    core.vote === request.from ||
    (core.vote === 0 && core.leader === 0) ||
    (preVote && request.term > core.term)
  const granted = free && core.log.isUpToDate(request.lastIndex, request.lastTerm)
  send(core, {
    type: preVote ? 'pre-vote-reply' : 'vote-reply',
    from: core.self,
    to: request.from,
    term: granted ? request.term : core.term,
    rejected: !granted
  })
  if (free && !granted) sometimes('raft: refuses a vote to a shorter log')
  if (granted && !preVote) {
    core.electionElapsed = 0
    core.vote = request.from
  }
}

/** A pre-candidate or candidate takes an answer to this very campaign; others are stale. */
export function receiveVote(core: Core, reply: VoteReply): void {
  if (reply.type === 'vote-reply') {
    if (core.role !== 'candidate' || reply.term !== core.term) {
      sometimes('raft: is told of a vote too late')
      return
    }
  } else {
    const asked = reply.rejected ? core.term : core.term + 1
    if (core.role !== 'pre-candidate' || reply.term !== asked) return
  }
  if (!core.votes.has(reply.from)) core.votes.set(reply.from, !reply.rejected)
  settle(core)
}

function askForVotes(core: Core, type: 'vote' | 'pre-vote', transfer: boolean): void {
  const term = type === 'vote' ? core.term : core.term + 1
  for (const to of core.log.configurations.voters) {
    if (to !== core.self) askVoter(core, { type, to, term, transfer })
  }
}

function askVoter(
  core: Core,
  request: Pick<VoteRequest, 'type' | 'term' | 'transfer'> & { readonly to: ReplicaId }
): void {
  const { log } = core
  send(core, { ...request, from: core.self, lastIndex: log.last, lastTerm: log.lastTerm })
}

function settle(core: Core): void {
  const outcome = voteOutcome(core.log.configurations.voters, core.votes)
  if (outcome === 'lost') {
    sometimes('raft: loses an election')
    becomeFollower(core, core.term, 0)
  } else if (outcome === 'won') {
    if (core.role === 'pre-candidate') startElection(core, false)
    else becomeLeader(core)
  }
}
