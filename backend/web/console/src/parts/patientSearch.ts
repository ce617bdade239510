import { attachScanner, useResource, useSubmit, type Resource } from '@hospital/kit'
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue'
import { sayNote, sayProblem } from '../feedback'
import type { Page, Patient } from '../model'
import { identifyPatient, searchPatients } from '../views/register/calls'
import { RELATION } from '../words'
import { useDelayed } from './delayed'

/** A wristband or an identity QR: its scanner's burst is taken wherever the cursor stands. */
const PERSON = ['P1.', 'Q1.']
/** A patient's phone shows this (就诊码): read once and used up, so it is never searched for. */
const SHOWN = 'HSP1.'
const WHOLE = /^HSP1\.I(\.[A-Z0-9]+){3}\.[A-Z2-7]{24}$/

export interface PatientSearch {
  typed: Ref<string>
  q: Readonly<Ref<string>>
  found: Resource<Page<Patient> | null>
  rows: ComputedRef<Patient[]>
}

/**
 * Finding a patient by whatever is typed or scanned. A scan that names one person calls `onScanned` without another key;
 * `takes` may claim other codes first (a receipt's number).
 */
export function usePatientSearch(
  start: string,
  onScanned: (patient: Patient) => void,
  takes: (code: string) => boolean = () => false,
): PatientSearch {
  const typed = ref(start)
  const settled = useDelayed(typed, 350)
  const q = computed(() => (settled.value.startsWith(SHOWN) ? '' : settled.value))
  const identify = useSubmit((code: string, key: string) => identifyPatient(code, key))
  const found = useResource((signal) => (q.value === '' ? Promise.resolve(null) : searchPatients(q.value, signal)), {
    watch: () => q.value,
  })
  const rows = computed(() => found.data.value?.items ?? [])
  let wasScanned = false

  watch(rows, (items) => {
    if (wasScanned && items.length === 1) onScanned(items[0]!)
    wasScanned = false
  })
  async function read(code: string): Promise<void> {
    const shown = await identify.run(code)
    if (shown === undefined) return void (identify.problem.value !== null && sayProblem(identify.problem.value))
    const whose = shown.relation === 'self' ? '本人的手机' : `家属的手机（患者是其${RELATION[shown.relation]}）`
    sayNote(`就诊码：${shown.patient.name}，${whose}${shown.proven ? '' : '，手机关联未核验，请核对证件'}`)
    onScanned(shown.patient)
  }

  // Pasted, or from a scanner so slow that it looks like typing.
  watch(typed, (text) => {
    if (!WHOLE.test(text.trim())) return
    typed.value = ''
    void read(text.trim())
  })
  onScopeDispose(
    attachScanner({
      prefixes: [...PERSON, SHOWN],
      onScan: ({ code }) => {
        if (takes(code)) return
        if (code.startsWith(SHOWN)) return void read(code)
        wasScanned = true
        typed.value = code
      },
    }),
  )
  return { typed, q, found, rows }
}
