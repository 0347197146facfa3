/* Uses a library. */
#include <stdio.h>

int vf(int a);
void vg(void);

int main(void)
{
	vg();
	printf("%d\n", vf(3));
	return 0;
}
