import { DISK_LEVELS } from '../wire/disk-level.ts'
import type { AnswerShape } from './api-shape.ts'

const node = { type: 'string', description: 'Id of a node.' } as const

const group = {
  leader: {
    type: ['string', 'null'],
    description: 'Id of a node; null: the answering node can reach none that leads.'
  },
  replicas: {
    type: 'array',
    items: {
      type: 'object',
      required: ['node', 'voter'],
      additionalProperties: false,
      properties: { node, voter: { type: 'boolean' } }
    }
  },
  state: {
    enum: ['serving', 'degraded', 'unavailable'],
    description: 'degraded: fewer replicas than wanted; unavailable: no leader.'
  }
} as const

const groupNames = ['leader', 'replicas', 'state'] as const

/** What `clusterStatus` gives. */
export const CLUSTER = {
  description: 'The cluster as the answering node sees it.',
  content: [
    'application/json',
    {
      type: 'object',
      required: ['clusterId', 'epoch', 'settings', 'nodes', 'system', 'partitions'],
      additionalProperties: false,
      properties: {
        clusterId: { type: 'string' },
        epoch: { type: 'integer', description: 'Grows with every change of the map.' },
        settings: {
          type: 'object',
          required: ['partitions', 'replicas', 'hash', 'clusterVersion'],
          additionalProperties: false,
          properties: {
            partitions: { type: 'integer' },
            replicas: { type: 'integer' },
            hash: { type: 'string' },
            clusterVersion: { type: 'integer' }
          }
        },
        nodes: {
          type: 'array',
          items: {
            type: 'object',
            required: ['id', 'addresses', 'http', 'zone', 'state', 'disk'],
            additionalProperties: false,
            properties: {
              id: node,
              addresses: { type: 'array', items: { type: 'string' } },
              http: { type: 'string', description: 'URL of its HTTP API; empty: none.' },
              zone: { type: 'string', description: 'Failure domain; empty: none.' },
              state: { enum: ['joining', 'up', 'draining', 'down', 'removed'] },
              disk: {
                enum: DISK_LEVELS,
                description: 'low: it takes no writes but deletes; full: none at all.'
              }
            }
          }
        },
        system: {
          type: 'object',
          required: groupNames,
          additionalProperties: false,
          properties: group
        },
        partitions: {
          type: 'array',
          items: {
            type: 'object',
            required: ['partition', ...groupNames],
            additionalProperties: false,
            properties: { partition: { type: 'integer' }, ...group }
          }
        }
      }
    }
  ]
} as const satisfies AnswerShape
