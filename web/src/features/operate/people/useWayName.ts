// What a way to sign in is called at this site; its id where the site has it no more.

import { useSite } from "../../../components/useSite";
import { useText } from "../../../i18n/useLanguage";

export function useWayName(): (id: string) => string {
  const { site } = useSite();
  const text = useText();
  return (id) => text(site?.sign_in.find((way) => way.id === id)?.title) || id;
}
