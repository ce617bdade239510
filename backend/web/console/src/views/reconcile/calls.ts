// Reconciliation: days, their three columns, differences and disposals. Shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api } from '../../session'

type Schemas = components['schemas']

export type Run = Schemas['RunView']
export type RunDetail = Schemas['RunDetail']
export type Totals = Schemas['Totals']
export type Difference = Schemas['DifferenceView']
export type DifferenceClass = Schemas['DifferenceClass']
export type DifferenceStatus = Schemas['DifferenceStatus']
export type Disposal = Schemas['Disposal']
export type ReconciledChannel = Schemas['ReconciledChannel']
export type Checked = Schemas['DifferenceChecked']

export const reconciliations = (first: string, last: string, signal?: AbortSignal) =>
  api.call('GET', '/reconciliations', { query: { first, last }, signal })

export const reconciliation = (runId: string, signal?: AbortSignal) =>
  api.call('GET', '/reconciliations/{run_id}', { path: { run_id: runId }, signal })

export const reconcileAgain = (input: { day: string; channel: ReconciledChannel }, idempotencyKey: string) =>
  api.call('POST', '/reconciliations/run', { body: input, idempotencyKey })

export const differences = (
  runId: string,
  kind: DifferenceClass | null,
  status: DifferenceStatus | null,
  cursor: string | null,
  signal?: AbortSignal,
) => api.call('GET', '/reconciliations/{run_id}/differences', { path: { run_id: runId }, query: { kind, status, cursor }, signal })

export const proposed = (signal?: AbortSignal) => api.call('GET', '/differences/proposed', { signal })

export const propose = (input: { id: string; disposal: Disposal; note: string }, idempotencyKey: string) =>
  api.call('POST', '/differences/{difference_id}/propose', {
    path: { difference_id: input.id },
    body: { disposal: input.disposal, note: input.note },
    idempotencyKey,
  })

export const approve = (input: { id: string; version: number }, idempotencyKey: string) =>
  api.call('POST', '/differences/{difference_id}/approve', { path: { difference_id: input.id }, body: { version: input.version }, idempotencyKey })

export const reject = (input: { id: string; version: number; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/differences/{difference_id}/reject', {
    path: { difference_id: input.id },
    body: { version: input.version, reason: input.reason },
    idempotencyKey,
  })

export const checkAtChannel = (id: string, idempotencyKey: string) =>
  api.call('POST', '/differences/{difference_id}/check', { path: { difference_id: id }, idempotencyKey })

export const settleDay = (input: { runId: string; bank_fen: number; arrived_on: string; reference: string }, idempotencyKey: string) =>
  api.call('POST', '/reconciliations/{run_id}/settlement', {
    path: { run_id: input.runId },
    body: { bank_fen: input.bank_fen, arrived_on: input.arrived_on, reference: input.reference },
    idempotencyKey,
  })

export const withdrawSettlement = (input: { runId: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/reconciliations/{run_id}/settlement/withdraw', { path: { run_id: input.runId }, body: { reason: input.reason }, idempotencyKey })
