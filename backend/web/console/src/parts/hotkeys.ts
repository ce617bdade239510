import { onScopeDispose } from 'vue'

/** Function keys of a desk. Not while a dialog is open, not on auto-repeat: a held key must not call three patients. */
export function useHotkeys(acts: Record<string, () => void>): void {
  function onKey(event: KeyboardEvent): void {
    const act = acts[event.key]
    if (act === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    if (!event.repeat && !isDialogOpen()) act()
  }
  window.addEventListener('keydown', onKey)
  onScopeDispose(() => window.removeEventListener('keydown', onKey))
}

/**
 * Whether a dialog, drawer or question holds the page, or the log-in covers it. Told by the overlays themselves: the mark
 * on the body stays until some time after the last one has faded, and a key pressed right after Escape would be swallowed.
 */
function isDialogOpen(): boolean {
  if (document.querySelector('dialog[open]') !== null) return true
  return [...document.querySelectorAll('.el-overlay')].some(
    (overlay) => overlay.getClientRects().length > 0 && !/-leave-(from|active|to)\b/.test(overlay.className),
  )
}
