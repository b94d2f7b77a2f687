// Photos as files: those that a shopper pastes or drops, and small copies of them to send.

const MAX_SIDE = 1600; // pixels; larger photos upload slowly and are found no better
const JPEG_QUALITY = 0.9;

/** Returns the photo upright, small and without metadata such as its location. If the browser
 * cannot read the file, as most cannot read HEIC, returns the original for the server to read. */
export async function shrunk(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // JPEG has no transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
  return blob ? new File([blob], "photo.jpg", { type: "image/jpeg" }) : file;
}

/** Returns the photos among the files of a clipboard or of a drop. */
export function imagesIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.filter((file) => file.type.startsWith("image/") || /\.(heic|heif)$/i.test(file.name));
}

/** Returns the web address in a clipboard or in a drop, or "" if it holds something else. */
export function addressIn(transfer) {
  const text = (transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "").trim();
  return /^https?:\/\/\S+$/i.test(text) ? text : "";
}

/** Puts files into a file input. */
export function putFiles(input, files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
}
