import { errorOf } from '../client/errors.ts'
import type {
  Step,
  StepResult,
  TransactionOutcome,
  TransactionRequest
} from '../client/transactor-types.ts'
import { jsonOutcome, type TransactionState } from '../gateway/transaction-json.ts'
import { failure } from '../wire/failure.ts'
import type { Check } from '../wire/transaction.ts'
import { transactionText } from '../wire/transaction-text.ts'
import { type Answer, EXIT } from './answer.ts'
import { shown } from './shown.ts'
import { type Column, table } from './table.ts'

// What `keymesh txn` says.

interface Row {
  readonly step: Step
  readonly result: StepResult
}

const COLUMNS: readonly Column<Row>[] = [
  { head: 'OPERATION', of: ({ step }) => step.type },
  { head: 'KEY', of: ({ step }) => shown(step.key) },
  { head: 'REVISION', of: ({ result }) => revisionOf(result) },
  { head: 'RESULT', of: ({ result }) => resultOf(result) }
]

/** What came of `request`. Throws KeyMeshError if a partition answered nothing of the kind. */
export function done(
  request: TransactionRequest,
  outcome: TransactionOutcome & { ok: true }
): Answer {
  const json = jsonOutcome(outcome)
  if (json === undefined) throw errorOf(failure('internal', 'no operation gives that', 'unknown'))
  return {
    json: () => json,
    plain: () => [headOf(request, outcome), ...tableOf(request, outcome)].join('\n'),
    exitCode: outcome.committed ? EXIT.done : EXIT.no
  }
}

/** What became of the transaction that is called `id`. */
export function became(id: string, state: TransactionState): Answer {
  return { json: () => ({ id, state }), plain: () => SENTENCES[state], exitCode: EXITS[state] }
}

const SENTENCES: Readonly<Record<TransactionState, string>> = {
  pending: 'pending: not decided yet, ask again',
  committed: 'committed: all of it happened',
  aborted: 'aborted: it changed nothing, and never will',
  unknown: 'unknown: nobody remembers it; read the keys to find out'
}

const EXITS: Readonly<Record<TransactionState, number>> = {
  pending: EXIT.unknown,
  committed: EXIT.done,
  aborted: EXIT.no,
  unknown: EXIT.unknown
}

function headOf(
  { if: checks }: TransactionRequest,
  { committed, failed, id }: TransactionOutcome & { ok: true }
): string {
  if (committed) return id === undefined ? 'done' : `committed as ${transactionText(id)}`
  const count = failed.length === 1 ? 'a condition does' : `${failed.length} conditions do`
  const lines = failed.flatMap((i) => {
    const check = checks[i]
    return check === undefined ? [] : [`  if ${conditionOf(check)}`]
  })
  return [`not done: ${count} not hold`, ...lines].join('\n')
}

function tableOf(
  { steps, otherwise }: TransactionRequest,
  { committed, results }: TransactionOutcome & { ok: true }
): readonly string[] {
  const rows = (committed ? steps : otherwise).flatMap((step, i) => {
    const result = results[i]
    return result === undefined ? [] : [{ step, result }]
  })
  return rows.length === 0 ? [] : [table(COLUMNS, rows)]
}

function conditionOf(check: Check): string {
  const key = shown(check.key)
  if (check.type === 'revision') return `${key} revision ${check.revision}`
  if (check.type === 'lock') return `${key} lock ${check.token}`
  if (check.type === 'value') return `${key} = ${shown(check.value)}`
  return `${key} ${check.exists ? 'exists' : 'absent'}`
}

function revisionOf(result: StepResult): string {
  if (result.type === 'got') return String(result.record?.revision ?? '')
  return 'revision' in result ? String(result.revision) : ''
}

function resultOf(result: StepResult): string {
  switch (result.type) {
    case 'written':
      return 'written'
    case 'deleted':
      return 'deleted'
    case 'absent':
      return 'was not there'
    case 'counted':
      return String(result.value)
    case 'got':
      return result.record === undefined ? 'is not there' : shown(result.record.value)
    default:
      return result.type
  }
}
