export interface Column {
  key: string
  title: string
  /** `right` for numbers, `fit` for what must not wrap or stretch. */
  kind?: 'right' | 'fit'
  /** Hides the heading from eyes, never from screen readers. */
  quiet?: boolean
}
