// Two soft notes per call. Browsers keep silent until somebody has touched the page (kiosk flags lift that).
import { onScopeDispose, ref, type Ref } from 'vue'

const NOTES_HZ = [659.25, 523.25]
const NOTE_S = 0.55
const LOUDNESS = 0.35

export interface Chime {
  /** Whether a call would be heard. */
  isOn: Ref<boolean>
  /** From a person's touch. */
  enable(): void
  ring(): void
}

export function useChime(): Chime {
  const context = typeof AudioContext === 'undefined' ? null : new AudioContext()
  const isOn = ref(context?.state === 'running')
  let freeAt = 0

  const look = (): void => void (isOn.value = context?.state === 'running')
  context?.addEventListener('statechange', look)
  onScopeDispose(() => {
    context?.removeEventListener('statechange', look)
    void context?.close()
  })

  function note(audio: AudioContext, hertz: number, at: number): void {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()]
    tone.type = 'sine'
    tone.frequency.value = hertz
    volume.gain.setValueAtTime(0, at)
    volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.001, at + NOTE_S)
    tone.connect(volume).connect(audio.destination)
    tone.start(at)
    tone.stop(at + NOTE_S)
  }

  function ring(): void {
    if (context === null || context.state !== 'running') return
    // One after the other: two calls in the same second are two chimes, not a discord.
    const at = Math.max(context.currentTime, freeAt)
    NOTES_HZ.forEach((hertz, index) => note(context, hertz, at + index * NOTE_S * 0.7))
    freeAt = at + NOTE_S * (NOTES_HZ.length + 0.5)
  }

  return {
    isOn,
    ring,
    enable() {
      void context?.resume().then(ring)
    },
  }
}
