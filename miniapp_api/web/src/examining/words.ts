// What the places of examinations are called.
import type { Words } from '../words'
import type { Examination } from './calls'

type Status = NonNullable<Examination['place']>['status']

export function placeState(status: Status): Words {
  return status === 'checked-in' ? { text: '已签到', tone: 'good' } : { text: '已预约', tone: 'good' }
}
