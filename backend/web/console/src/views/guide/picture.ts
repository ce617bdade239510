// A photograph of some megabytes becomes one that the hospital takes: shrunk here, judged and cut to a square there.

export const PHOTO_BYTES_MAX = 200 * 1024
// From the best to the smallest: a quiet portrait passes at once, a grainy one gives up size before it gives up looks.
const ATTEMPTS = [
  { edge: 800, quality: 0.9 },
  { edge: 800, quality: 0.75 },
  { edge: 560, quality: 0.75 },
  { edge: 400, quality: 0.75 },
  { edge: 400, quality: 0.5 },
] as const

/** Null when this browser cannot read the file as a picture. */
export async function shrunk(file: Blob): Promise<Blob | null> {
  const image = await read(file)
  if (image === null) return null
  try {
    for (const { edge, quality } of ATTEMPTS) {
      const made = await drawn(image, edge, quality)
      if (made !== null && made.size <= PHOTO_BYTES_MAX) return made
    }
    return null
  } finally {
    image.close()
  }
}

async function drawn(image: ImageBitmap, edge: number, quality: number): Promise<Blob | null> {
  const scale = Math.min(1, edge / Math.min(image.width, image.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(image.width * scale)
  canvas.height = Math.round(image.height * scale)
  const brush = canvas.getContext('2d')
  if (brush === null) return null
  brush.fillStyle = '#fff'
  brush.fillRect(0, 0, canvas.width, canvas.height)
  brush.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality))
}

async function read(file: Blob): Promise<ImageBitmap | null> {
  try {
    return await createImageBitmap(file)
  } catch {
    // Not a picture, or of a kind this browser does not know: the caller says so.
    return null
  }
}
