// One page in a room: who is present, what is written, and one's own picture, which never leaves the machine.

const element = (id) => document.getElementById(id);
const room = location.pathname.slice(1);
const token = new URLSearchParams(location.search).get("jwt") ?? "";
const AGAIN_MS = 2_000;
const STATES = { true: "在诊室", false: "未进入" };
const CLOCK = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
let socket = null;
let side = null;
let isOver = false;

function enter() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/_live`);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ token, room })));
  socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    if (isOver) return;
    element("link").textContent = "连接中断，正在重连…";
    setTimeout(enter, AGAIN_MS);
  });
}

function hear(message) {
  if (message.type === "welcome") welcome(message);
  else if (message.type === "seats") message.seats.forEach(showSeat);
  else if (message.type === "said") add(message.entry);
  else if (message.type === "ended") over("医生已结束本次视频，可以关闭本页");
  else if (message.type === "refused") over(message.words);
}

function welcome(message) {
  side = message.side;
  element("link").textContent = side === "doctor" ? "您是医生" : "您是患者";
  element("end").hidden = side !== "doctor";
  element("said").replaceChildren();
  message.said.forEach(add);
}

function showSeat(seat) {
  const place = document.querySelector(`.seat[data-side="${seat.side}"]`);
  place.classList.toggle("seat--present", seat.present);
  place.classList.toggle("seat--mine", seat.side === side);
  place.querySelector(".seat__name").textContent = seat.name || (seat.side === "doctor" ? "医生" : "患者");
  place.querySelector(".seat__state").textContent = STATES[seat.present] + (seat.side === side ? "（我）" : "");
}

function add(entry) {
  const line = document.createElement("li");
  line.className = entry.side === side ? "line line--mine" : "line";
  const who = document.createElement("span");
  who.className = "line__who";
  who.textContent = `${entry.name} ${CLOCK.format(entry.at_ms)}`;
  const words = document.createElement("span");
  words.className = "line__words";
  words.textContent = entry.words;
  line.append(who, words);
  element("said").append(line);
  element("said").scrollTop = element("said").scrollHeight;
}

function over(words) {
  isOver = true;
  element("link").textContent = words;
  document.body.classList.add("room--over");
  for (const field of document.querySelectorAll("input, button")) field.disabled = true;
  closeCamera();
}

element("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = element("words").value.trim();
  if (words === "" || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: "say", words }));
  element("words").value = "";
});

element("end").addEventListener("click", () => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "end" }));
});

const preview = element("preview");

function closeCamera() {
  for (const track of preview.srcObject?.getTracks() ?? []) track.stop();
  preview.srcObject = null;
  preview.hidden = true;
  element("camera").textContent = "打开摄像头预览";
}

element("camera").addEventListener("click", async () => {
  if (preview.srcObject !== null) return closeCamera();
  try {
    preview.srcObject = await navigator.mediaDevices.getUserMedia({ video: true, audio: false });
    preview.hidden = false;
    await preview.play();
    element("camera").textContent = "关闭摄像头预览";
    element("note").textContent = "画面只在本机显示";
  } catch {
    closeCamera();
    element("note").textContent = "没有可用的摄像头，或未允许使用；不影响文字交流";
  }
});

enter();
