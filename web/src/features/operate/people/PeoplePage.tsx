// Everybody whom the portal knows, found by name or UID.

import { Button, Skeleton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Person } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { Icon } from "../../../ui/icons";
import { OperatePage } from "../OperatePage";
import table from "../Table.module.css";
import { PersonState } from "./PersonState";
import { peopleQuery } from "./queries";
import { useWayName } from "./useWayName";
import classes from "./People.module.css";

const route = getRouteApi("/signed-in/people");
const PAUSE_MS = 250;

export function PeoplePage() {
  const { t } = useTranslation("operate");
  const { query = "" } = route.useSearch();
  const found = useInfiniteQuery({ ...peopleQuery(query), placeholderData: keepPreviousData });
  const people = found.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <OperatePage title={t("people.title")}>
      <Search initial={query} />
      <ProblemNote error={found.error} onRetry={() => void found.refetch()} />
      {found.isPending && <Skeleton height={280} radius="lg" />}
      {found.data && <PeopleTable people={people} />}
      {found.hasNextPage && (
        <div className={table.more}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      )}
    </OperatePage>
  );
}

function Search({ initial }: { initial: string }) {
  const { t } = useTranslation("operate");
  const navigate = useNavigate({ from: "/people" });
  const [typed, setTyped] = useState(initial);
  const search = useDebouncedCallback((query: string) => void navigate({ search: query ? { query } : {}, replace: true }), PAUSE_MS);
  return (
    <TextInput
      type="search"
      className={classes.search}
      aria-label={t("people.search")}
      placeholder={t("people.search")}
      leftSection={<Icon name="search" size={16} />}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        search(event.currentTarget.value.trim());
      }}
    />
  );
}

function PeopleTable({ people }: { people: readonly Person[] }) {
  const { t } = useTranslation("operate");
  const wayName = useWayName();
  return (
    <div className={table.frame}>
      <table className={table.table} aria-label={t("people.title")}>
        <thead>
          <tr>
            {(["who", "state", "role", "provider", "uid"] as const).map((column) => (
              <th key={column} scope="col">
                {t(`people.column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr key={person.id}>
              <td className={table.main}>
                <span>
                  <Link to="/people/$id" params={{ id: person.id }}>
                    {person.display_name || person.name}
                  </Link>{" "}
                  <span className="muted small">{person.name}</span>
                </span>
              </td>
              <td data-label={t("people.column.state")}>
                <PersonState locked={person.locked} />
              </td>
              <td data-label={t("people.column.role")}>{t(`role.${person.role}`)}</td>
              <td data-label={t("people.column.provider")}>{wayName(person.provider)}</td>
              <td data-label={t("people.column.uid")} className={table.number}>
                {person.uid}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {people.length === 0 && <p className={table.none}>{t("people.none")}</p>}
    </div>
  );
}
