import { libp2pStage } from './libp2p-stage.ts'
import { transportContract } from './transport-contract.ts'

transportContract('libp2p on loopback', libp2pStage)
