// A photograph of some megabytes becomes one that the hospital takes: shrunk here, judged and cut to a square there.

const EDGE_PX = 800
export const PHOTO_BYTES_MAX = 200 * 1024
const QUALITIES = [0.9, 0.8, 0.65, 0.5]

/** Null when this browser cannot read the file as a picture. */
export async function shrunk(file: Blob): Promise<Blob | null> {
  const image = await read(file)
  if (image === null) return null
  const scale = Math.min(1, EDGE_PX / Math.min(image.width, image.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(image.width * scale)
  canvas.height = Math.round(image.height * scale)
  const brush = canvas.getContext('2d')
  if (brush === null) return null
  brush.fillStyle = '#fff'
  brush.fillRect(0, 0, canvas.width, canvas.height)
  brush.drawImage(image, 0, 0, canvas.width, canvas.height)
  image.close()
  for (const quality of QUALITIES) {
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality))
    if (made !== null && made.size <= PHOTO_BYTES_MAX) return made
  }
  return null
}

async function read(file: Blob): Promise<ImageBitmap | null> {
  try {
    return await createImageBitmap(file)
  } catch {
    // Not a picture, or of a kind this browser does not know: the caller says so.
    return null
  }
}
