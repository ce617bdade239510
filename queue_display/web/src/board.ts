// What a waiting-room screen knows. Names arrive masked: the display's token cannot read whole ones.

export interface Call {
  ticket_id: string
  ticket_number: string
  patient_name: string
  room_name: string
  practitioner_name: string
  called_at: string
  /** How often it was called: a recall of the same ticket rings again. */
  call_count: number
}

export interface Waiting {
  ticket_id: string
  ticket_number: string
  patient_name: string
  room_name: string
  /** 军人、老人、急 … in words: colour alone tells nothing to many. */
  priority_label: string | null
}

export interface Board {
  area_name: string
  /** Newest first. */
  calls: Call[]
  waiting: Waiting[]
  passed_numbers: string[]
  notice: string | null
}

/** A change carries the parts that changed, each whole. */
export type BoardChange = Partial<Board>
