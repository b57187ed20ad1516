use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Builder, Secret};

use myksc_testdb::each_engine;

use super::*;
use crate::testing::{World, right_password, somewhere};
use crate::{Credentials, Opened, SecondStep, SignIn, Step};

/// An authenticator app.
struct App(Secret);

impl App {
    fn with(new: &NewTotp) -> Self {
        Self(Secret::try_from_base32(new.secret.expose_secret()).unwrap())
    }

    /// What it shows at this moment of the tests' clock.
    fn code(&self, world: &World) -> String {
        let totp = Builder::new().with_secret(self.0.clone()).build().unwrap();
        totp.generate(world.now_secs()).to_string()
    }
}

/// Enrols somebody's app from her account page; the clock moves on to its next code.
async fn enrolled(world: &World, user: &User) -> (App, Vec<SecretString>) {
    let app = App::with(&world.access.factors.begin_totp("page", user).await.unwrap());
    let code = app.code(world);
    let codes = Box::pin(world.access.factors.confirm_totp("page", user, &code)).await.unwrap();
    world.pass_secs(30);
    (app, codes)
}

async fn step(world: &World, name: &str) -> Step {
    let password = right_password();
    let given = Credentials { provider: None, name, password: &password };
    Box::pin(world.access.sign_in.sign_in(given, &somewhere(), None)).await.unwrap()
}

/// Gives the password where a second step is due.
async fn pending(world: &World, name: &str) -> (String, SecondStep) {
    match step(world, name).await {
        Step::Pending { secret, step } => (secret.expose().to_owned(), step),
        Step::Opened(_) => panic!("no second step"),
    }
}

async fn by_totp(world: &World, cookie: &str, code: &str) -> Result<Opened> {
    let client = somewhere();
    Box::pin(world.access.sign_in.by_code(cookie, FactorKind::Totp, code, &client, None)).await
}

async fn by_recovery(world: &World, cookie: &str, code: &str) -> Result<Opened> {
    let client = somewhere();
    Box::pin(world.access.sign_in.by_code(cookie, FactorKind::RecoveryCode, code, &client, None)).await
}

fn is_wrong<T: std::fmt::Debug>(answer: &Result<T>) -> bool {
    matches!(answer, Err(Error::Invalid(problems)) if problems[0].code == "code_wrong")
}

fn is_over<T: std::fmt::Debug>(answer: &Result<T>) -> bool {
    matches!(answer, Err(Error::NotFound { kind: "sign_in", .. }))
}

#[tokio::test]
async fn the_app_is_told_whose_code_it_is_and_nothing_is_enrolled_before_it_shows_one() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let factors = &world.access.factors;
        let new = factors.begin_totp("page", &kim).await.unwrap();
        let uri = new.uri.expose_secret();
        assert!(uri.starts_with("otpauth://totp/MyKSC:kim?secret="), "{uri}");
        assert!(uri.ends_with("&issuer=MyKSC"), "{uri}");
        assert!(new.qr_svg.expose_secret().contains("<svg"));
        assert!(step(&world, "kim").await.opened().is_some());
        let app = App::with(&new);
        let code = app.code(&world);
        let elsewhere = factors.confirm_totp("another page", &kim, &code).await;
        assert!(matches!(elsewhere, Err(Error::Conflict { code: "factor_not_begun", .. })), "{elsewhere:?}");
        assert!(is_wrong(&factors.confirm_totp("page", &kim, "000000").await));
        assert_eq!(factors.confirm_totp("page", &kim, &code).await.unwrap().len(), RECOVERY_CODES);
        let again = factors.confirm_totp("page", &kim, &code).await;
        assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
        let of = factors.of(&kim).await.unwrap();
        assert_eq!((of.totp_since.is_some(), of.recovery_codes_left), (true, 10));
    })
    .await;
}

#[tokio::test]
async fn a_code_is_taken_once_and_neither_an_earlier_nor_anybody_elses() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (app, _) = enrolled(&world, &kim).await;
        let (of_lee, _) = enrolled(&world, &lee).await;
        let early = app.code(&world);
        world.pass_secs(30);
        let code = app.code(&world);
        let (cookie, waits) = pending(&world, "kim").await;
        assert_eq!(waits.factors, [FactorKind::Totp, FactorKind::RecoveryCode]);
        for wrong in ["", "12345", "abcdef", of_lee.code(&world).as_str()] {
            assert!(is_wrong(&by_totp(&world, &cookie, wrong).await), "{wrong:?}");
        }
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        let opened = by_totp(&world, &cookie, &spaced).await.unwrap();
        assert_eq!(opened.verified.user, kim);
        assert!(world.verify(&opened).await.is_some());
        assert!(is_over(&by_totp(&world, &cookie, &code).await));
        let (cookie, _) = pending(&world, "kim").await;
        for used in [code, early] {
            assert!(is_wrong(&by_totp(&world, &cookie, &used).await));
        }
        world.pass_secs(30);
        by_totp(&world, &cookie, &app.code(&world)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_code_of_one_step_before_or_after_is_taken_and_of_two_is_not() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let (app, _) = enrolled(&world, &kim).await;
        world.pass_secs(300);
        for (lag_secs, taken) in [(-60, false), (-30, true), (30, true), (60, false)] {
            world.pass_secs(300);
            let (cookie, _) = pending(&world, "kim").await;
            world.pass_secs(lag_secs);
            let code = app.code(&world);
            world.pass_secs(-lag_secs);
            assert_eq!(by_totp(&world, &cookie, &code).await.is_ok(), taken, "{lag_secs}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_is_good_once_however_it_is_typed_and_for_its_person_alone() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (_, codes) = enrolled(&world, &kim).await;
        enrolled(&world, &lee).await;
        let code = codes[3].expose_secret();
        let (cookie, _) = pending(&world, "lee").await;
        assert!(is_wrong(&by_recovery(&world, &cookie, code).await));
        let (cookie, _) = pending(&world, "kim").await;
        let typed = code.to_uppercase().replace('-', " ");
        by_recovery(&world, &cookie, &typed).await.unwrap();
        let (cookie, _) = pending(&world, "kim").await;
        assert!(is_wrong(&by_recovery(&world, &cookie, code).await));
        assert_eq!(world.access.factors.of(&kim).await.unwrap().recovery_codes_left, 9);
        let last = codes[4].expose_secret();
        let renewed = world.access.factors.renew_recovery_codes(&kim, last).await.unwrap();
        assert!(is_wrong(&by_recovery(&world, &cookie, codes[5].expose_secret()).await));
        by_recovery(&world, &cookie, renewed[0].expose_secret()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn wrong_codes_lead_back_to_the_password_and_slow_but_never_lock() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let (app, _) = enrolled(&world, &kim).await;
        let at_work = world.session(&kim).await;
        let (cookie, _) = pending(&world, "kim").await;
        let (other, _) = pending(&world, "kim").await;
        for _ in 0..4 {
            assert!(is_wrong(&by_totp(&world, &cookie, "000000").await));
        }
        assert!(is_over(&by_totp(&world, &cookie, "000000").await));
        assert!(is_over(&by_totp(&world, &cookie, &app.code(&world)).await));
        assert_eq!(world.access.sign_in.pending(&cookie).await.unwrap(), None);
        // A second pending sign-in gives no further free guesses.
        let slowed = by_totp(&world, &other, &app.code(&world)).await;
        let Err(Error::TooMany { retry_after_secs }) = slowed else { panic!("{slowed:?}") };
        world.pass_secs(i64::try_from(retry_after_secs).unwrap());
        assert!(world.verify(&at_work).await.is_some());
        by_totp(&world, &other, &app.code(&world)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_pending_sign_in_lasts_ten_minutes_and_ends_with_a_changed_password_a_lock_or_when_given_up() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let (app, _) = enrolled(&world, &kim).await;
        let (late, step) = pending(&world, "kim").await;
        world.pass_secs(599);
        assert_eq!(world.access.sign_in.pending(&late).await.unwrap(), Some(step));
        world.pass_secs(1);
        assert!(is_over(&by_totp(&world, &late, &app.code(&world)).await));

        let (given_up, _) = pending(&world, "kim").await;
        world.access.sign_in.give_up(&given_up).await.unwrap();
        assert!(is_over(&by_totp(&world, &given_up, &app.code(&world)).await));

        let (older, _) = pending(&world, "kim").await;
        let new = SecretString::from("right password");
        world.access.accounts.reset_password(&kim.id, new).await.unwrap();
        assert!(is_over(&by_totp(&world, &older, &app.code(&world)).await));
        world.pass_secs(30);

        let (locked, _) = pending(&world, "kim").await;
        world.access.accounts.set_locked(&kim.id, true).await.unwrap();
        assert!(is_over(&by_totp(&world, &locked, &app.code(&world)).await));
    })
    .await;
}

async fn finish(sign_in: &SignIn, cookie: &str, code: &str) -> Result<(Opened, Vec<SecretString>)> {
    sign_in.finish_enrolment(cookie, code, &somewhere(), None).await
}

#[tokio::test]
async fn where_a_factor_is_demanded_nobody_signs_in_before_enrolling_one() {
    each_engine(|store| async move {
        let world = World::with_factors(store, FactorRules::local(FactorRule::Required));
        let kim = world.person("kim").await;
        let sign_in = &world.access.sign_in;
        let (cookie, waits) = pending(&world, "kim").await;
        assert_eq!((waits.stage.as_str(), waits.factors), ("enrolment", vec![FactorKind::Totp]));
        let (other, _) = pending(&world, "kim").await;
        let other_app = App::with(&sign_in.begin_enrolment(&other).await.unwrap());
        let app = App::with(&sign_in.begin_enrolment(&cookie).await.unwrap());
        assert!(matches!(by_totp(&world, &cookie, &app.code(&world)).await, Err(Error::Conflict { .. })));
        let wrong = Box::pin(finish(sign_in, &cookie, "000000")).await;
        assert!(is_wrong(&wrong.map(|_| ())));
        let code = app.code(&world);
        let (opened, codes) = Box::pin(finish(sign_in, &cookie, &code)).await.unwrap();
        assert!(world.verify(&opened).await.is_some());
        assert_eq!(codes.len(), RECOVERY_CODES);
        // Another sign-in that was begun before replaces nothing.
        let code = other_app.code(&world);
        let late = Box::pin(finish(sign_in, &other, &code)).await.map(|_| ());
        assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
        let (cookie, waits) = pending(&world, "kim").await;
        assert_eq!(waits.stage.as_str(), "factor");
        let refused = sign_in.begin_enrolment(&cookie).await.map(|_| ());
        assert!(matches!(refused, Err(Error::Conflict { code: "sign_in_other_step", .. })), "{refused:?}");
        let kept = world.access.factors.remove_totp(&kim, codes[0].expose_secret()).await;
        assert!(matches!(kept, Err(Error::Conflict { code: "factor_required", .. })), "{kept:?}");
        by_recovery(&world, &cookie, codes[1].expose_secret()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_operator_s_reset_takes_the_factors_and_ends_what_was_opened_by_them() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (app, codes) = enrolled(&world, &kim).await;
        enrolled(&world, &lee).await;
        let (opened, of_lee) = (world.session(&kim).await, world.session(&lee).await);
        let (cookie, _) = pending(&world, "kim").await;
        world.access.factors.reset(&kim.id).await.unwrap();
        assert!(world.verify(&opened).await.is_none());
        assert!(world.verify(&of_lee).await.is_some());
        assert!(is_over(&by_totp(&world, &cookie, &app.code(&world)).await));
        let of = world.access.factors.of(&kim).await.unwrap();
        assert!(!of.is_enrolled() && of.recovery_codes_left == 0);
        assert!(step(&world, "kim").await.opened().is_some());
        assert!(is_wrong(&world.access.factors.take_code(&kim, codes[0].expose_secret()).await));
        pending(&world, "lee").await;
    })
    .await;
}

#[tokio::test]
async fn people_whose_provider_sees_to_factors_have_none_here() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let lee = User { provider: "keycloak".to_owned(), ..kim.clone() };
        let refused = world.access.factors.begin_totp("page", &lee).await.map(|_| ());
        assert!(matches!(refused, Err(Error::Forbidden { code: "factors_elsewhere", .. })), "{refused:?}");
        let refused = world.access.sign_in.confirm_password(&lee, &right_password()).await;
        assert!(matches!(refused, Err(Error::Forbidden { code: "password_elsewhere", .. })), "{refused:?}");
        world.access.sign_in.confirm_password(&kim, &right_password()).await.unwrap();
        let wrong = world.access.sign_in.confirm_password(&kim, &SecretString::from("wrong")).await;
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
    })
    .await;
}

#[tokio::test]
async fn the_database_alone_tells_no_secret_and_a_secret_opens_for_its_person_alone() {
    each_engine(|store| async move {
        let world = World::new(store.clone());
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (app, codes) = enrolled(&world, &kim).await;
        let totp = store.totp(&kim.id).await.unwrap().unwrap();
        assert!(!totp.sealed_secret.contains(&hex::encode(app.0.as_bytes())));
        assert!(!store.spend_recovery_code(&kim.id, codes[0].expose_secret()).await.unwrap());
        // Moved into another row it is of no use.
        assert!(store.enrol_totp(&lee.id, &totp, &[], true).await.unwrap());
        let (cookie, _) = pending(&world, "lee").await;
        let answer = by_totp(&world, &cookie, &app.code(&world)).await;
        assert!(matches!(answer, Err(Error::Internal(_))), "{answer:?}");
    })
    .await;
}
