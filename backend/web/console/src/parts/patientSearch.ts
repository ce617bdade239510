import { attachScanner, isPaymentCode, useResource, useSubmit, type Resource } from '@hospital/kit'
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
  /** Open the only hit of what stands in the field now (回车), at once or when its answer comes. */
  openOnly: () => void
}

/**
 * Finding a patient by whatever is typed or scanned. A scan that names one person calls `onOnly` without another key;
 * `takes` may claim other codes first (a receipt's number). Answers to an earlier text never open anybody. A payment
 * code names nobody: it is never searched for, and the till beside takes it.
 */
export function usePatientSearch(
  start: string,
  onOnly: (patient: Patient) => void,
  takes: (code: string) => boolean = () => false,
): PatientSearch {
  const typed = ref(start)
  const settled = useDelayed(typed, 350)
  const q = computed(() => (settled.value.startsWith(SHOWN) || isPaymentCode(settled.value) ? '' : settled.value))
  const identify = useSubmit((code: string, key: string) => identifyPatient(code, key))
  const found = useResource((signal) => (q.value === '' ? Promise.resolve(null) : searchPatients(q.value, signal)), {
    watch: () => q.value,
  })
  const rows = computed(() => found.data.value?.items ?? [])
  const wanted = ref<string | null>(null)
  const openOnly = (): void => void (wanted.value = typed.value.trim() || null)

  watch(typed, (text) => {
    if (text.trim() !== wanted.value) wanted.value = null
  })
  watch([wanted, q, found.data], () => {
    const page = found.data.value
    if (wanted.value === null || wanted.value !== q.value || !page) return
    wanted.value = null
    if (page.items.length === 1) onOnly(page.items[0]!)
  })
  async function read(code: string): Promise<void> {
    const shown = await identify.run(code)
    if (shown === undefined) return void (identify.problem.value !== null && sayProblem(identify.problem.value))
    const whose = shown.relation === 'self' ? '本人的手机' : `家属的手机（患者是其${RELATION[shown.relation]}）`
    sayNote(`就诊码：${shown.patient.name}，${whose}${shown.proven ? '' : '，手机关联未核验，请核对证件'}`)
    onOnly(shown.patient)
  }

  // Pasted, or from a scanner so slow that it looks like typing.
  watch(typed, (text) => {
    if (isPaymentCode(text.trim())) {
      typed.value = ''
      sayNote('这是付款码：结算后收款时再扫')
    } else if (WHOLE.test(text.trim())) {
      typed.value = ''
      void read(text.trim())
    }
  })
  onScopeDispose(
    attachScanner({
      prefixes: [...PERSON, SHOWN],
      accepts: (code) => !isPaymentCode(code),
      onScan: ({ code }) => {
        if (takes(code)) return
        if (code.startsWith(SHOWN)) return void read(code)
        typed.value = code
        openOnly()
      },
    }),
  )
  return { typed, q, found, rows, openOnly }
}
