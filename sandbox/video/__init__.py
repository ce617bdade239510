"""Video room simulator 视频诊室模拟: proves tokens as a Jitsi server does, two seats, presence, chat."""
