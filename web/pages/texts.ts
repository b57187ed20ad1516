// Every text of the pages, in the reader's language.

const TEXTS = {
  en: {
    desktop: "Desktop",
    terminal: "Terminal",
    connecting: "Connecting…",
    broken: "The connection broke. Connecting again…",
    tools: "Clipboard",
    clipboard: "Text to take to the desktop, or copied there",
    send: "Take to the desktop",
    sent: "It is on the desktop's clipboard: paste it there.",
    full_screen: "Full screen",
    shell_ended: "The shell has ended.",
    new_shell: "New shell",
    no_shell: "No shell could be started. The app's log says why.",
  },
  ko: {
    desktop: "데스크톱",
    terminal: "터미널",
    connecting: "연결하는 중…",
    broken: "연결이 끊겼습니다. 다시 연결하는 중…",
    tools: "클립보드",
    clipboard: "데스크톱으로 보낼 글, 또는 데스크톱에서 복사한 글",
    send: "데스크톱으로 보내기",
    sent: "데스크톱의 클립보드에 넣었습니다. 데스크톱에서 붙여 넣으세요.",
    full_screen: "전체 화면",
    shell_ended: "셸이 종료되었습니다.",
    new_shell: "새 셸",
    no_shell: "셸을 시작할 수 없습니다. 앱의 로그에서 이유를 확인하세요.",
  },
};

const spoken = navigator.languages.find((tag) => /^(ko|en)\b/.test(tag));

export const language = spoken?.startsWith("ko") ? "ko" : "en";
export const texts = TEXTS[language];
