// Every string that a person reads, in both languages side by side: a missing one fails tsc. The words are those of
// the glossary in ARCHITECTURE.md. `{name}` is filled in by `say`.

import { ROOM_WORDS } from "./roomWords.ts";

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];
type Entry = Readonly<Record<Language, string>>;

export const WORDS = {
  ...ROOM_WORDS,

  // names of things
  "room": { en: "Room {room}", zh: "会诊室 {room}" },
  "site": { en: "Site\u00a0{site}", zh: "现场\u00a0{site}" },
  "panel": { en: "Panel", zh: "专家组" },
  "members": { en: "Members", zh: "成员" },
  "you": { en: "you", zh: "本人" },
  "member.nameless": { en: "{role}, {site}", zh: "{site} {role}" },
  "member.of_site": { en: "{name} ({site})", zh: "{name}（{site}）" },
  "list.comma": { en: ", ", zh: "、" },
  "language": { en: "中文", zh: "English" },
  "language.switch": { en: "Switch to Chinese", zh: "切换为英文" },
  "role.lead": { en: "Lead", zh: "主持人" },
  "role.expert": { en: "Expert", zh: "专家" },
  "role.surgeon": { en: "Surgeon", zh: "术者" },
  "role.trainee": { en: "Trainee", zh: "学员" },
  "role.display": { en: "Display", zh: "手术间显示屏" },
  "role.device": { en: "Capture box", zh: "采集设备" },
  "role.service": { en: "Service", zh: "服务" },
  "kind.endoscope": { en: "Endoscope", zh: "内镜" },
  "kind.ultrasound": { en: "Ultrasound", zh: "超声" },
  "kind.ct": { en: "CT", zh: "CT" },
  "kind.fluoroscopy": { en: "Fluoroscopy", zh: "透视" },
  "kind.microscope": { en: "Microscope", zh: "显微镜" },
  "kind.room": { en: "Room camera", zh: "手术间全景" },
  "kind.monitor": { en: "Monitor", zh: "监护仪" },
  "kind.screen": { en: "Screen", zh: "屏幕" },
  "kind.face": { en: "Face", zh: "人像" },

  // on the picture
  "age.exact": { en: "{ms} ms", zh: "{ms} ms" },
  "age.least": { en: "≥ {ms} ms", zh: "≥ {ms} ms" },
  "age.frozen": { en: "Frozen {duration}", zh: "画面停止 {duration}" },
  "age.frozen_since": { en: "No new frame since {time}", zh: "自 {time} 起无新画面" },
  "age.waiting": { en: "Waiting for the picture", zh: "正在等待画面" },
  "age.explain": {
    en: "Age of this picture, from capture to screen. Without capture times only the least possible age is known (≥).",
    zh: "画面从采集到显示的时延。若无采集时间，则只知道最小时延（≥）。",
  },
  "vacant.chosen": { en: "No feed chosen", zh: "未选择画面" },
  "vacant.no_feed": { en: "This feed is over or has not begun", zh: "该画面已结束或尚未开始" },
  "vacant.no_common_codec": { en: "This browser cannot show the feed’s codec ({codec})", zh: "此浏览器无法显示该画面的编码（{codec}）" },
  "vacant.line": { en: "Your line is too slow for this picture", zh: "您的网络过慢，此画面已暂停" },
  "vacant.capacity": { en: "Waiting for capacity: too many watch", zh: "等待服务器资源：观看人数过多" },
  "vacant.reconnecting": { en: "Not connected. Pictures come back by themselves.", zh: "尚未连接，恢复后画面会自动出现。" },
  "feed.muted": { en: "Held back by its publisher", zh: "发布者已暂停此画面" },
  "fault.b_frames": { en: "B-frames: pictures may jump. Set the encoder to none.", zh: "含 B 帧，画面可能跳动；请在编码器中关闭 B 帧。" },
  "fault.no_keyframe": { en: "No keyframe from the encoder yet", zh: "编码器尚未发送关键帧" },
  "fault.silent": { en: "Nothing arrives from the publisher", zh: "未收到发布者的数据" },
  "picture.panel": { en: "Panel · {name}", zh: "专家组 · {name}" },
  "picture.replaces": { en: "Sent anew", zh: "重新发布" },
  "picture.replaces_why": { en: "the feed before it fell silent", zh: "之前的画面已中断" },
  "picture.no_slot": { en: "Choose it to see it", zh: "点选后显示" },
  "slots.full": {
    en: "{count} pictures move at once at most. {more} more: choose one to see it large.",
    zh: "最多同时显示 {count} 路画面。另有 {more} 路，点选后放大显示。",
  },
  "panel.more": { en: "{more} more of the panel, not shown here", zh: "专家组另有 {more} 路画面未在此显示" },
  "picture.choose": { en: "Show large: {name}", zh: "放大显示：{name}" },
  "picture.choose_key": { en: "Show large: {name} (key {key})", zh: "放大显示：{name}（按键 {key}）" },
  "fullscreen": { en: "Full screen", zh: "全屏" },

  "keys": { en: "Keys", zh: "快捷键" },
  "keys.show": { en: "Show the keys (key ?)", zh: "显示快捷键（按键 ?）" },
  "keys.hide": { en: "Hide the keys (key ?)", zh: "隐藏快捷键（按键 ?）" },
  "keys.choose": { en: "Show this feed large", zh: "放大显示对应画面" },
  "keys.step": { en: "The feed before, the next feed", zh: "上一路、下一路画面" },
  "keys.talk": { en: "Hold to talk", zh: "按住说话" },
  "keys.list": { en: "Show or hide this list", zh: "显示或隐藏此列表" },
  "keys.escape": { en: "Leave full screen, close this list", zh: "退出全屏、关闭此列表" },

  // voices
  "talk.hold": { en: "Hold to talk", zh: "按住说话" },
  "talk.key": { en: "Space", zh: "空格键" },
  "talk.on_air": { en: "You are heard", zh: "正在说话" },
  "talk.not_heard": { en: "Not heard: connecting", zh: "未送达：正在连接" },
  "talk.turn_on": { en: "Turn on microphone", zh: "打开麦克风" },
  "talk.open": { en: "Open microphone", zh: "麦克风常开" },
  "talk.level": { en: "Microphone level", zh: "麦克风音量" },
  "speaking": { en: "Speaking", zh: "正在发言" },
  "speaking.names": { en: "Speaking: {names}", zh: "正在发言：{names}" },
  "speaking.nobody": { en: "Nobody speaks", zh: "无人发言" },
  "speaking.unknown": { en: "Not connected", zh: "未连接" },
  "voice.muted": { en: "Microphone held back", zh: "麦克风已静音" },
  "voice.on": { en: "Microphone on", zh: "麦克风已开" },
  "sound.start": { en: "Start sound", zh: "开启声音" },
  "sound.blocked": { en: "The browser holds the sound back until you tap once.", zh: "浏览器需要您点按一次才能播放声音。" },
  "sound.blocked_display": {
    en: "No sound: this browser wants one tap or key first",
    zh: "无声音：浏览器要求先点按屏幕或按任意键",
  },

  // pages
  "start.title": { en: "Consilium", zh: "Consilium 会诊" },
  "start.what": {
    en: "One panel of experts guides operations at several hospitals, live. Pictures and voices go through your hospital’s own server and nowhere else.",
    zh: "一组专家实时指导多家医院的手术。画面与语音只经过本院自己的服务器。",
  },
  "start.paste": { en: "Paste the link you were sent, or its token", zh: "粘贴收到的链接或令牌" },
  "start.join": { en: "Join", zh: "加入" },
  "start.no_token": { en: "There is no token in this text. A link ends in #token= and a long row of letters.", zh: "其中没有令牌。链接末尾应为 #token= 加一长串字符。" },
  "start.no_link": { en: "No link? Ask the lead of your room, or your hospital’s IT.", zh: "没有链接？请联系会诊主持人或医院信息科。" },
  "joining": { en: "Joining the room", zh: "正在加入会诊室" },
  "joining.again": { en: "The server does not answer. Trying again.", zh: "服务器无应答，正在重试。" },
  "leave": { en: "Leave", zh: "离开" },
  "line": { en: "Line {ms} ms", zh: "线路 {ms} ms" },
  "line.receive.reduced": { en: "Your line is slow: smaller or fewer side pictures", zh: "网络较慢：小画面已缩小或减少" },
  "line.receive.poor": { en: "Your line is very slow: voice and main picture only", zh: "网络很慢：仅保留语音和主画面" },
  "line.publish.reduced": { en: "What you send arrives with gaps", zh: "您发送的画面有少量丢失" },
  "line.publish.poor": { en: "Much of what you send is lost on the way", zh: "您发送的画面丢失严重" },
  "member.line.receive.reduced": { en: "Sees smaller or fewer side pictures: slow line", zh: "对方网络较慢：小画面已缩小或减少" },
  "member.line.receive.poor": { en: "Has voice and main picture only: very slow line", zh: "对方网络很慢：仅有语音和主画面" },
  "member.line.publish.reduced": { en: "What comes from there has gaps", zh: "对方发送的画面有少量丢失" },
  "member.line.publish.poor": { en: "Much of what comes from there is lost", zh: "对方发送的画面丢失严重" },
  "line.explain": { en: "Round trip to the server", zh: "到服务器的往返时间" },
  "expert.empty": { en: "No site publishes yet. Pictures appear here by themselves.", zh: "尚无现场发布画面。画面会自动出现在此处。" },
  "expert.large": { en: "Large picture", zh: "放大画面" },
  "expert.share_camera": { en: "Show my camera", zh: "打开摄像头" },
  "expert.share_screen": { en: "Show my screen", zh: "共享屏幕" },
  "expert.stop_camera": { en: "Stop my camera", zh: "关闭摄像头" },
  "expert.stop_screen": { en: "Stop my screen", zh: "停止共享屏幕" },
  "surgeon.send": { en: "What this site sends", zh: "本现场发布的画面" },
  "surgeon.capture_box": { en: "the capture box", zh: "采集设备" },
  "surgeon.sent_by": { en: "Sent by {who}", zh: "由{who}发布" },
  "surgeon.sent_count": { en: "{count} sent by {who}", zh: "{who}发布 {count} 路" },
  "surgeon.here_count": { en: "{count} from this page", zh: "本页 {count} 路" },
  "surgeon.full": { en: "Four of four: {who}. To add one, stop one first.", zh: "四路已满：{who}。如需添加，请先停止一路。" },
  "surgeon.hear": { en: "Who attends", zh: "参加会诊的专家" },
  "surgeon.add_camera": { en: "Add camera", zh: "添加摄像头" },
  "surgeon.add_screen": { en: "Add screen", zh: "添加屏幕" },
  "surgeon.camera_number": { en: "Camera {number}", zh: "摄像头 {number}" },
  "surgeon.choose_camera": { en: "Which camera?", zh: "选择摄像头" },
  "surgeon.cancel": { en: "Cancel", zh: "取消" },
  "surgeon.kind": { en: "What it shows", zh: "画面内容" },
  "surgeon.label": { en: "Label", zh: "名称" },
  "surgeon.label_hint": { en: "such as: left stack", zh: "例如：左侧塔架" },
  "surgeon.publish": { en: "Publish", zh: "发布" },
  "surgeon.publishing": { en: "Publishing", zh: "正在发布" },
  "surgeon.hold_feed": { en: "Hold back", zh: "暂停画面" },
  "surgeon.held_feed": { en: "Held back: nobody sees it", zh: "已暂停：无人能看到" },
  "surgeon.let_feed": { en: "Let through", zh: "恢复画面" },
  "surgeon.stop": { en: "Stop", zh: "停止" },
  "surgeon.remove": { en: "Remove", zh: "移除" },
  "surgeon.not_sent": { en: "Not sent", zh: "未发布" },
  "surgeon.sent": { en: "Sent", zh: "已发布" },
  "surgeon.sending": { en: "{width} × {height} · {fps} frames/s · {mbps} Mb/s · {codec}", zh: "{width} × {height} · {fps} 帧/秒 · {mbps} Mb/s · {codec}" },
  "surgeon.limited_cpu": { en: "Quality reduced: this computer is too busy", zh: "画质降低：本机负载过高" },
  "surgeon.limited_bandwidth": { en: "Quality reduced: the line is too narrow", zh: "画质降低：线路带宽不足" },
  "surgeon.unwatched": { en: "Nobody looks at it larger just now", zh: "目前无人查看更大画面" },
  "surgeon.empty": { en: "Free place", zh: "空位" },
  "surgeon.microphone": { en: "Microphone", zh: "麦克风" },
  "surgeon.mute": { en: "Hold back", zh: "静音" },
  "surgeon.unmute": { en: "Let through", zh: "取消静音" },
  "surgeon.no_panel_feed": { en: "The panel shows no picture. You hear them as soon as they speak.", zh: "专家组未发布画面。专家发言时您会听到声音。" },
  "surgeon.nobody": { en: "No expert is here yet", zh: "尚无专家加入" },
  "surgeon.lost": { en: "The camera or screen stopped", zh: "摄像头或屏幕已停止" },
  "trainee.choose": { en: "Feeds", zh: "画面" },
  "trainee.empty": { en: "Nothing is shown yet. The picture appears here by itself.", zh: "尚无画面，开始后会自动显示。" },
  "display.empty": { en: "{site} publishes no feed yet", zh: "{site} 尚未发布画面" },
  "device.page": {
    en: "This link is for a capture box or another program, not for a browser. Nothing is shown here.",
    zh: "此链接供采集设备或其他程序使用，不用于浏览器。",
  },

  // trouble
  "banner.reconnecting": { en: "Connection to the server lost. Reconnecting by itself; pictures may be old.", zh: "与服务器的连接中断，正在自动重连；画面可能已过时。" },
  "banner.offline": { en: "This device has no network.", zh: "此设备没有网络连接。" },
  "banner.media": { en: "Pictures do not get through. Connecting again.", zh: "画面传输中断，正在重新连接。" },
  "banner.publishing": { en: "What you publish does not get through. Connecting again.", zh: "您发布的内容未能送达，正在重新连接。" },
  "toast.close": { en: "Close message", zh: "关闭消息" },
  "trouble.denied": { en: "The browser may not use it. Allow it with the sign beside the address, then try again.", zh: "浏览器没有权限。请在地址栏旁允许使用后重试。" },
  "trouble.none": { en: "There is no such device. Is it plugged in?", zh: "未找到设备，请检查是否已连接。" },
  "trouble.busy": { en: "Another program holds the device, or it does not start.", zh: "设备被其他程序占用或无法启动。" },
  "trouble.insecure": { en: "Browsers give cameras to pages over https only. Ask your IT for the https address.", zh: "浏览器仅允许 https 页面使用摄像头，请向信息科索取 https 地址。" },
  "trouble.unknown": { en: "The device could not be opened.", zh: "无法打开设备。" },
  "trouble.camera": { en: "Camera: {why}", zh: "摄像头：{why}" },
  "trouble.screen": { en: "Screen: {why}", zh: "屏幕：{why}" },
  "trouble.microphone": { en: "Microphone: {why}", zh: "麦克风：{why}" },

  // the end
  "end.left": { en: "You have left the room", zh: "您已离开会诊室" },
  "end.left_more": { en: "Cameras and microphone are off.", zh: "摄像头和麦克风均已关闭。" },
  "end.refused": { en: "The room did not let you in", zh: "未能进入会诊室" },
  "end.again": { en: "Join again", zh: "重新加入" },
  "end.other": { en: "Use another link", zh: "使用其他链接" },

  // refusals, in plain words
  "refusal.bad_message": { en: "This page and the server do not understand each other. Reload the page.", zh: "页面与服务器无法通信，请刷新页面。" },
  "refusal.too_large": { en: "That was too large for the server.", zh: "内容超出服务器限制。" },
  "refusal.too_many": { en: "Too many requests at once. Wait a moment.", zh: "请求过多，请稍候。" },
  "refusal.wrong_version": { en: "The server has been upgraded. Reload the page.", zh: "服务器已升级，请刷新页面。" },
  "refusal.not_joined": { en: "Not in the room yet.", zh: "尚未加入会诊室。" },
  "refusal.already_joined": { en: "Already in the room.", zh: "已在会诊室中。" },
  "refusal.bad_token": { en: "This link is not valid for this server. Ask for a new one.", zh: "此链接对本服务器无效，请索取新链接。" },
  "refusal.token_expired": { en: "This link has expired. Ask for a new one.", zh: "此链接已过期，请索取新链接。" },
  "refusal.token_not_yet_valid": { en: "This link is not valid yet. Come back at the time of the consultation.", zh: "此链接尚未生效，请在会诊时间再试。" },
  "refusal.wrong_room": { en: "This link is for another room.", zh: "此链接属于其他会诊室。" },
  "refusal.unknown_room": { en: "There is no such room on this server.", zh: "服务器上没有该会诊室。" },
  "refusal.unknown_session": { en: "This session is over.", zh: "该会话已结束。" },
  "refusal.unknown_feed": { en: "This feed is over, or not for you.", zh: "该画面已结束或您无权观看。" },
  "refusal.unknown_slot": { en: "This place for a picture does not exist.", zh: "该画面位置不存在。" },
  "refusal.not_allowed": { en: "Your role does not allow this.", zh: "您的角色无权进行此操作。" },
  "refusal.site_required": { en: "This link names no site, but its role needs one. Ask for a new one.", zh: "此链接未指明现场，但该角色必须属于某一现场，请索取新链接。" },
  "refusal.too_many_feeds": { en: "This site already publishes four feeds. Stop one first.", zh: "该现场已发布四路画面，请先停止一路。" },
  "refusal.too_many_sites": { en: "The room already has as many sites as it can.", zh: "会诊室的现场数已达上限。" },
  "refusal.too_many_slots": { en: "More pictures at once than the server allows.", zh: "同时观看的画面数超出限制。" },
  "refusal.too_many_tracks": { en: "One connection carries one picture and one voice.", zh: "一个连接只能传送一路画面和一路语音。" },
  "refusal.bad_label": { en: "The label is too long, or has signs that are not allowed.", zh: "名称过长或含有不允许的字符。" },
  "refusal.bad_sdp": { en: "The server could not read this browser’s offer.", zh: "服务器无法识别浏览器的连接请求。" },
  "refusal.no_media": { en: "There was nothing to send or receive.", zh: "没有可收发的内容。" },
  "refusal.no_codec": { en: "This browser and the server have no codec in common.", zh: "浏览器与服务器没有共同支持的编码。" },
  "refusal.bad_candidate": { en: "The server could not read a network address.", zh: "服务器无法识别网络地址。" },
  "refusal.wrong_etag": { en: "The connection has changed in the meantime.", zh: "连接状态已变化。" },
  "refusal.wrong_content_type": { en: "The server did not expect this kind of data.", zh: "数据类型不正确。" },
  "refusal.wrong_method": { en: "The server does not do this.", zh: "服务器不支持此操作。" },
  "refusal.not_found": { en: "There is nothing at this address.", zh: "该地址不存在。" },
  "refusal.internal": { en: "Something failed in the server. Try again.", zh: "服务器内部错误，请重试。" },
  "refusal.at_capacity": { en: "The server is full. Trying again.", zh: "服务器已满，正在重试。" },
  "refusal.shutting_down": { en: "The server restarts. It will be back in a moment.", zh: "服务器正在重启，请稍候。" },
} as const satisfies Readonly<Record<string, Entry>>;

export type Word = keyof typeof WORDS;

/** The string for a key, with its `{places}` filled in. */
export function say(language: Language, word: Word, places: Readonly<Record<string, string | number>> = {}): string {
  return WORDS[word][language].replace(/\{(\w+)\}/g, (whole, place: string) => String(places[place] ?? whole));
}

/** 1:02:33, or 0:07. */
export function duration(span_ms: number): string {
  const seconds = Math.floor(Math.max(0, span_ms) / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Local time with seconds. */
export function timeOfDay(language: Language, at: Date): string {
  return at.toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB", { hour12: false });
}

export function defaultLanguage(): Language {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
