// What the board's curves show, as ECharts wants it and as plain rows. Colours are the kit's: blue, orange and pine,
// which people who confuse red and green tell apart; lines differ in their dashes as well.
import { formatTime, yuan } from '@hospital/kit'
import type { EChartsCoreOption } from 'echarts/core'
import type { Board } from '../../model'

export interface Figures {
  head: string[]
  rows: string[][]
}

export interface Chart {
  option: EChartsCoreOption
  figures: Figures
}

const DEPARTMENTS_SHOWN = 10

interface Look {
  arrived: string
  finished: string
  waiting: string
  rest: string
  ink: string
  line: string
  font: string
  still: boolean
}

/** The page's own tokens, read once: charts are drawn on canvas, where CSS does not reach. */
export function look(): Look {
  const style = getComputedStyle(document.documentElement)
  const token = (name: string): string => style.getPropertyValue(name).trim()
  return {
    arrived: token('--color-info'),
    finished: token('--color-call'),
    waiting: token('--color-primary'),
    rest: token('--color-line-strong'),
    ink: token('--color-ink-soft'),
    line: token('--color-line'),
    font: token('--font-sans'),
    still: matchMedia('(prefers-reduced-motion: reduce)').matches,
  }
}

function base(of: Look, valueText: (value: number) => string): EChartsCoreOption {
  return {
    animation: !of.still,
    animationDuration: 300,
    textStyle: { fontFamily: of.font, color: of.ink },
    grid: { left: 12, right: 16, top: 34, bottom: 8 },
    legend: { top: 4, right: 12, itemHeight: 8, textStyle: { color: of.ink } },
    // As HTML it would write style attributes, which the page's policy refuses.
    tooltip: { trigger: 'axis', renderMode: 'richText', confine: true, valueFormatter: (value: unknown) => valueText(Number(value)) },
  }
}

const categories = (of: Look, data: string[]) => ({
  type: 'category',
  data,
  axisTick: { show: false },
  axisLine: { lineStyle: { color: of.line } },
  axisLabel: { color: of.ink, hideOverlap: true },
})

const values = (of: Look, text?: (value: number) => string) => ({
  type: 'value',
  minInterval: 1,
  splitLine: { lineStyle: { color: of.line } },
  axisLabel: { color: of.ink, ...(text === undefined ? {} : { formatter: text }) },
})

const people = (count: number): string => `${count} 人`

export function flow(board: Board, of: Look): Chart {
  const times = board.quarters.map((one) => formatTime(one.starts_at))
  const line = { type: 'line', symbolSize: 5, showSymbol: times.length < 24 }
  return {
    option: {
      ...base(of, people),
      xAxis: categories(of, times),
      yAxis: values(of),
      series: [
        { ...line, name: '到诊', color: of.arrived, symbol: 'circle', data: board.quarters.map((one) => one.arrived) },
        { ...line, name: '完成', color: of.finished, symbol: 'triangle', lineStyle: { type: 'dashed' }, data: board.quarters.map((one) => one.finished) },
      ],
    },
    figures: {
      head: ['时间', '到诊', '完成'],
      rows: board.quarters.map((one) => [formatTime(one.starts_at), String(one.arrived), String(one.finished)]),
    },
  }
}

export function queue(board: Board, of: Look): Chart {
  return {
    option: {
      ...base(of, people),
      legend: { show: false },
      grid: { left: 12, right: 16, top: 16, bottom: 8 },
      xAxis: categories(of, board.quarters.map((one) => formatTime(one.starts_at))),
      yAxis: values(of),
      series: [{ type: 'line', name: '候诊', step: 'end', showSymbol: board.quarters.length < 24, symbolSize: 5, color: of.waiting, areaStyle: { opacity: 0.16 }, data: board.quarters.map((one) => one.waiting) }],
    },
    figures: { head: ['时间', '候诊人数'], rows: board.quarters.map((one) => [formatTime(one.starts_at), String(one.waiting)]) },
  }
}

/** 1234500 fen → "1.2 万": what an axis has room for. */
function yuanAxis(fen: number): string {
  const whole = Math.round(fen / 100)
  return whole >= 10_000 ? `${whole / 10_000} 万` : String(whole)
}

export function money(board: Board, of: Look): Chart {
  const { hours } = board.money
  return {
    option: {
      ...base(of, (fen) => yuan(fen)),
      xAxis: categories(of, hours.map((one) => `${one.hour}时`)),
      yAxis: { ...values(of, yuanAxis), minInterval: 100, name: '元', nameTextStyle: { color: of.ink } },
      series: [
        { type: 'bar', name: '收款', color: of.waiting, barMaxWidth: 24, data: hours.map((one) => one.received_fen) },
        { type: 'bar', name: '退款', color: of.finished, barMaxWidth: 24, data: hours.map((one) => one.refunded_fen) },
      ],
    },
    figures: {
      head: ['时段', '收款', '退款'],
      rows: hours.map((one) => [`${one.hour}时`, yuan(one.received_fen), yuan(one.refunded_fen)]),
    },
  }
}

export function departments(board: Board, of: Look): Chart {
  const busiest = [...board.departments].sort((one, other) => other.booked + other.arrived - one.booked - one.arrived)
  const shown = busiest.slice(0, DEPARTMENTS_SHOWN).filter((one) => one.booked + one.arrived > 0).reverse()
  const bar = { type: 'bar', stack: 'all', barMaxWidth: 18 }
  return {
    option: {
      ...base(of, people),
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, renderMode: 'richText', confine: true },
      xAxis: values(of),
      yAxis: { ...categories(of, shown.map((one) => one.department)), axisLabel: { color: of.ink, width: 88, overflow: 'truncate' } },
      series: [
        { ...bar, name: '已完成', color: of.waiting, data: shown.map((one) => one.finished) },
        { ...bar, name: '候诊与就诊中', color: of.finished, data: shown.map((one) => one.arrived - one.finished) },
        { ...bar, name: '未到', color: of.rest, data: shown.map((one) => Math.max(0, one.booked - one.arrived)) },
      ],
    },
    figures: {
      head: ['科室', '已预约', '到诊', '候诊', '完成', '爽约', '余号'],
      rows: busiest.map((one) => [one.department, ...[one.booked, one.arrived, one.waiting, one.finished, one.no_show, one.places_free].map(String)]),
    },
  }
}
