import { onScopeDispose } from 'vue'

/** Function keys of a desk. Not while a dialog is open, not on auto-repeat: a held key must not call three patients. */
export function useHotkeys(acts: Record<string, () => void>): void {
  function onKey(event: KeyboardEvent): void {
    const act = acts[event.key]
    if (act === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    // Element Plus marks the body while a dialog or drawer holds the page.
    if (!event.repeat && !document.body.classList.contains('el-popup-parent--hidden')) act()
  }
  window.addEventListener('keydown', onKey)
  onScopeDispose(() => window.removeEventListener('keydown', onKey))
}
