//! The texts of the gateway's pages, in both languages.

use super::{Language, Problem};

/// What a page says; `{name}` stands for the app's name.
#[derive(Clone, Copy)]
pub(super) struct Texts {
    pub(super) title: &'static str,
    /// Who failed.
    pub(super) explanation: &'static str,
    /// What to do.
    pub(super) advice: &'static str,
    pub(super) link: &'static str,
}

impl Texts {
    pub(super) fn of(problem: &Problem<'_>, language: Language) -> Self {
        match language {
            Language::English => english(problem),
            Language::Korean => korean(problem),
        }
    }
}

const DASHBOARD_EN: &str = "Go to the dashboard";
const DASHBOARD_KO: &str = "대시보드로 가기";

fn english(problem: &Problem<'_>) -> Texts {
    let (title, explanation, advice) = match problem {
        Problem::NotReady { .. } => (
            "{name} is not ready yet",
            "The app {name} is being started or stopped.",
            "This page tries again by itself. The dashboard shows each step.",
        ),
        Problem::Ended { .. } => (
            "{name} is not running",
            "The app {name} has been stopped, or it ended by itself.",
            "Start it again from the dashboard; its card shows why it ended.",
        ),
        Problem::Unknown => (
            "No such app",
            "There is no app at this address. It may have been deleted.",
            "The dashboard shows the apps that you have.",
        ),
        Problem::NoAnswer { .. } => (
            "{name} does not answer",
            "The portal works, but the app {name} did not answer this request.",
            "This page tries again by itself. If it stays so, look at the app's log on the dashboard.",
        ),
        Problem::Busy { .. } => (
            "{name} has too many open connections",
            "The app {name} has as many connections open as one app may have.",
            "This page tries again by itself. Close windows of the app that you do not need.",
        ),
        Problem::PortalFailed => (
            "The portal does not answer",
            "The portal could not be asked whether you may open this app. The app itself may be fine.",
            "This page tries again by itself.",
        ),
        Problem::DatabaseAway => (
            "The portal is not available for the moment",
            "Its database has not answered for some minutes. Your apps and jobs go on running.",
            "This page tries again by itself. If it stays so, tell your centre.",
        ),
        Problem::TicketRefused { .. } => {
            return Texts {
                title: "This link is over",
                explanation: "The link into the app works once, for a few seconds, and in the browser that asked for it.",
                advice: "Open the app again to get a new one.",
                link: "Open the app",
            };
        }
        Problem::Unauthenticated => (
            "Open the app first",
            "This request carries no right to the app, or the right has ended.",
            "Open the app from the dashboard.",
        ),
        Problem::OtherOrigin => (
            "Refused: it comes from another page",
            "A page of another address sent this request; an app takes requests of its own pages only.",
            "Open the app from the dashboard.",
        ),
        Problem::UnknownOrigin => (
            "Refused: it does not say where it comes from",
            "A request that changes something must carry Sec-Fetch-Site or Origin.",
            "Open the app from the dashboard.",
        ),
        Problem::Malformed => (
            "The request cannot be understood",
            "The request is not valid HTTP, or not unambiguous.",
            "Try again; if it stays so, the program that sent it is at fault.",
        ),
        Problem::Method => {
            ("The method is not allowed", "An app takes no requests with this method.", "Use another method.")
        }
        Problem::NoSuchPath => (
            "Nothing here",
            "This address belongs to the portal and leads nowhere.",
            "Open the app from the dashboard.",
        ),
        Problem::Misdirected => {
            ("Unknown host", "Neither the portal nor an app lives at this host name.", "Check the address.")
        }
        Problem::PlainConnection => (
            "Not encrypted",
            "The portal is reached by https only.",
            "Open the address that begins with https.",
        ),
    };
    Texts { title, explanation, advice, link: DASHBOARD_EN }
}

fn korean(problem: &Problem<'_>) -> Texts {
    let (title, explanation, advice) = match problem {
        Problem::NotReady { .. } => (
            "{name}: 아직 준비되지 않았습니다",
            "앱 {name}이(가) 시작되거나 중지되는 중입니다.",
            "이 페이지는 스스로 다시 시도합니다. 각 단계는 대시보드에서 볼 수 있습니다.",
        ),
        Problem::Ended { .. } => (
            "{name}: 실행 중이 아닙니다",
            "앱 {name}이(가) 중지되었거나 스스로 종료되었습니다.",
            "대시보드에서 다시 시작할 수 있습니다. 종료된 이유는 앱 카드에 표시됩니다.",
        ),
        Problem::Unknown => (
            "앱이 없습니다",
            "이 주소에는 앱이 없습니다. 삭제되었을 수 있습니다.",
            "사용 중인 앱은 대시보드에서 볼 수 있습니다.",
        ),
        Problem::NoAnswer { .. } => (
            "{name}: 응답이 없습니다",
            "포털은 정상이지만 앱 {name}이(가) 이 요청에 응답하지 않았습니다.",
            "이 페이지는 스스로 다시 시도합니다. 계속되면 대시보드에서 앱의 로그를 확인하십시오.",
        ),
        Problem::Busy { .. } => (
            "{name}: 열린 연결이 너무 많습니다",
            "앱 {name}이(가) 한 앱에 허용된 만큼의 연결을 이미 열고 있습니다.",
            "이 페이지는 스스로 다시 시도합니다. 필요 없는 앱 창을 닫으십시오.",
        ),
        Problem::PortalFailed => (
            "포털이 응답하지 않습니다",
            "이 앱을 열 권한이 있는지 포털에 확인할 수 없었습니다. 앱 자체는 정상일 수 있습니다.",
            "이 페이지는 스스로 다시 시도합니다.",
        ),
        Problem::DatabaseAway => (
            "지금은 포털을 사용할 수 없습니다",
            "포털의 데이터베이스가 몇 분째 응답하지 않습니다. 앱과 작업은 계속 실행됩니다.",
            "이 페이지는 스스로 다시 시도합니다. 계속되면 센터에 알려 주십시오.",
        ),
        Problem::TicketRefused { .. } => {
            return Texts {
                title: "만료된 링크입니다",
                explanation: "앱으로 들어가는 링크는 요청한 브라우저에서 몇 초 동안 한 번만 쓸 수 있습니다.",
                advice: "앱을 다시 열어 새 링크를 받으십시오.",
                link: "앱 열기",
            };
        }
        Problem::Unauthenticated => (
            "먼저 앱을 여십시오",
            "이 요청에는 앱에 대한 권한이 없거나 권한이 끝났습니다.",
            "대시보드에서 앱을 여십시오.",
        ),
        Problem::OtherOrigin => (
            "거부됨: 다른 페이지에서 온 요청입니다",
            "다른 주소의 페이지가 보낸 요청입니다. 앱은 자신의 페이지가 보낸 요청만 받습니다.",
            "대시보드에서 앱을 여십시오.",
        ),
        Problem::UnknownOrigin => (
            "거부됨: 출처를 알 수 없는 요청입니다",
            "무언가를 바꾸는 요청에는 Sec-Fetch-Site 또는 Origin이 있어야 합니다.",
            "대시보드에서 앱을 여십시오.",
        ),
        Problem::Malformed => (
            "요청을 이해할 수 없습니다",
            "올바른 HTTP 요청이 아니거나 해석이 모호합니다.",
            "다시 시도하십시오. 계속되면 요청을 보낸 프로그램의 문제입니다.",
        ),
        Problem::Method => (
            "허용되지 않는 메서드입니다",
            "앱은 이 메서드의 요청을 받지 않습니다.",
            "다른 메서드를 사용하십시오.",
        ),
        Problem::NoSuchPath => (
            "아무것도 없습니다",
            "이 주소는 포털에 속하며 아무 곳으로도 이어지지 않습니다.",
            "대시보드에서 앱을 여십시오.",
        ),
        Problem::Misdirected => {
            ("알 수 없는 호스트입니다", "이 호스트 이름에는 포털도 앱도 없습니다.", "주소를 확인하십시오.")
        }
        Problem::PlainConnection => (
            "암호화되지 않은 연결입니다",
            "포털은 https로만 접속할 수 있습니다.",
            "https로 시작하는 주소로 접속하십시오.",
        ),
    };
    Texts { title, explanation, advice, link: DASHBOARD_KO }
}
