def make_zerg_controllerplugin(c, **k):
    from supervisor.supervisorctl import ControllerPluginBase
    class P(ControllerPluginBase):
        name='zerg'
        def __init__(self, c): self.ctl=c
    return P(c)
def main(): pass
