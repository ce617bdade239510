import { api, element, goBack, query, show, tell, yuan } from "./common.js";

const SIGNED = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];
const STAY_MS = 1200;
const prepayId = query.get("prepay_id") ?? "";
let origins = [];

function order() {
  const body = { prepay_id: prepayId };
  if (query.has("openid")) body.openid = query.get("openid");
  for (const name of SIGNED) {
    // "+" of an unencoded base64 text arrives as a space.
    if (query.has(name)) body[name] = query.get(name).replaceAll(" ", "+");
  }
  return body;
}

function leave(result) {
  if (query.has("redirect")) goBack(query.get("redirect"), origins, { wechat_pay: result });
}

async function pay() {
  element("pay").disabled = true;
  show("");
  try {
    const paid = await api("/pay", order());
    element("paid").textContent = yuan(paid.amount.payer_total);
    for (const id of ["sheet", "pay", "cancel"]) element(id).hidden = true;
    element("done").hidden = false;
    element("finish").hidden = !query.has("redirect");
    tell({ type: "wechat-pay", result: "ok", prepay_id: prepayId }, origins);
    setTimeout(() => leave("ok"), STAY_MS);
  } catch (error) {
    show(error.message);
    element("pay").disabled = false;
  }
}

async function open() {
  try {
    const config = await api("/page-config");
    origins = config.return_origins;
    const found = await api(`/prepay/${encodeURIComponent(prepayId)}`);
    element("merchant").textContent = found.merchant_name;
    element("description").textContent = found.description;
    element("amount").textContent = yuan(found.total_fen);
    element("payer").textContent = found.nickname;
    element("number").textContent = found.out_trade_no;
    element("sheet").hidden = false;
    if (found.trade_state === "NOTPAY") {
      element("pay").hidden = false;
    } else {
      show(found.trade_state === "CLOSED" ? "该订单已关闭" : "该订单已支付，请勿重复支付");
    }
  } catch (error) {
    show(error.message);
  }
}

element("pay").addEventListener("click", pay);
element("finish").addEventListener("click", () => leave("ok"));
element("cancel").addEventListener("click", () => {
  tell({ type: "wechat-pay", result: "cancel", prepay_id: prepayId }, origins);
  if (query.has("redirect")) leave("cancel");
  else show("已取消支付，可以关闭本页");
});
open();
