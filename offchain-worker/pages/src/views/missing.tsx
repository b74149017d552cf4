import type { JSX } from "preact";
import { A, Card } from "../ui/kit";
import { t } from "../ui/words";

export const Missing = ({ what }: { what: string }): JSX.Element => (
	<main>
		<Card>
			<h1>{t("Not found", "未找到")}</h1>
			<p>{what}</p>
			<p>
				<A class="button" href="/network">
					{t("The network now", "网络现况")}
				</A>
			</p>
		</Card>
	</main>
);
