import type { Allergy, Patient } from '../model'

/** Those to be warned of, worst first. */
export function activeAllergies(file: Patient | null | undefined): Allergy[] {
  const rank = { severe: 0, moderate: 1, mild: 2 }
  return (file?.allergies ?? [])
    .filter((allergy) => allergy.status === 'active')
    .sort((left, right) => rank[left.severity] - rank[right.severity])
}
