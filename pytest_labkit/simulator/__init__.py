"""The page of `labkit simulator`: a lab's producers and consumers at work on a real broker, drawn live"""
