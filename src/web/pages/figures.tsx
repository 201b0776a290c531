// A few numbers with their names, side by side.

type Figure = readonly [name: string, text: string, note?: string | null];
type Props = {readonly list: readonly Figure[]; readonly small?: boolean};

export const Figures = ({list, small}: Props) => (
  <dl class={small ? 'figures small' : 'figures'}>
    {list.map(([name, text, note]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{text}</dd>
        {note && <dd class="quiet">{note}</dd>}
      </div>
    ))}
  </dl>
);
