// The slim bar: whose portal it is, its places, language and account.

import { Link } from "@tanstack/react-router";

import { LanguageButton } from "../components/LanguageButton";
import { useSite } from "../components/useSite";
import { SearchButton } from "../features/search/SearchButton";
import { Mark } from "../ui/Mark";
import { AccountMenu } from "./AccountMenu";
import { BarLinks } from "./Navigation";
import classes from "./TopBar.module.css";

export function TopBar() {
  const { name } = useSite();
  return (
    <header className={classes.bar}>
      <Link to="/" className={classes.centre}>
        <Mark size={22} />
        <span className={classes.name}>{name || "MyKSC"}</span>
      </Link>
      <BarLinks />
      <div className={classes.end}>
        <SearchButton />
        <LanguageButton />
        <AccountMenu />
      </div>
    </header>
  );
}
