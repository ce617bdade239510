import { page } from '../../vite.base.ts'

export default page({ base: '/display/' })
